"""The DigitalHuman operator: one custom resource becomes everything a talking human needs."""

__version__ = "0.1.0"
