"""Check who imports whom: `python -m tools.import_rules` (import-linter has no such entry)."""

import sys

from importlinter.cli import lint_imports

if __name__ == "__main__":
    sys.exit(lint_imports(no_cache=True, no_logo=True))
