"""What the NetworkPolicies of the examples let through, judged by an evaluator of others."""
