#!/bin/sh
# Prepare .venv (or, with the argument torch or wire, that environment): find Python 3.11 or newer and hand over to tools/bootstrap.py.
set -eu
cd "$(dirname "$0")/.."

for candidate in .venv/bin/python "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$candidate" tools/bootstrap.py "$@"
    fi
done
echo "Python 3.11 or newer was not found: install it, or name it with PYTHON=/path/to/python3." >&2
exit 1
