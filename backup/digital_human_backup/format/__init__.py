"""Version 1 of the format (docs/backup-format.md): keys, chunks, manifests, names. No I/O."""

FORMAT = 1
CHUNK_BYTES = 8 * 2**20
TAG_BYTES = 16
"""What encryption adds to a chunk."""
Data = bytes | bytearray
"""What is written; as it was read, that nobody copies it."""
