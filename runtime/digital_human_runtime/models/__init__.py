"""Weights on a volume: fetched once, checked by digest, never half there, never a pickle."""
