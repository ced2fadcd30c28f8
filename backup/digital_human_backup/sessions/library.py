"""redis-py, loaded when it is first used: a backup of folders alone begins sooner."""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING


def _later(name: str) -> ModuleType:
    """The module, loaded already or at its first use; ModuleNotFoundError without it."""
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(name=name)
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    import redis
else:
    redis = _later("redis")

__all__ = ["redis"]
