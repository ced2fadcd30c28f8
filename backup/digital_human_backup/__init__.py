"""Backups of digital humans: consistent, encrypted, and proven by reading them back."""

__version__ = "0.1.0"
