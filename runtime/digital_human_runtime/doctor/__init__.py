"""What is wrong with a machine or a running human, and what to do about it."""
