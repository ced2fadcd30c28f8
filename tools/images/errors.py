"""What is told in one sentence when images cannot be built."""


class ImageError(RuntimeError):
    """An image could not be built; the message says what to do."""
