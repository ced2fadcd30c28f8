"""One reconcile per kind: parse, observe, plan, render, apply, status."""
