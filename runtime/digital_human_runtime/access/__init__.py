"""Who may call: secrets in files, keys and tokens, origins, and how often."""
