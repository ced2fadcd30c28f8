"""What needs torch is collected only where torch is."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["test_transformers.py", "tiny.py"]
