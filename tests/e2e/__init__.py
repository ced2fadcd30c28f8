"""Our images on a real node: from an applied object to a face that talks through its Service."""
