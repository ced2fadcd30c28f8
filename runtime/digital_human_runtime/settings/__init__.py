"""The settings of this process: the operator's file, the guide's variables and our own."""

from .problems import SettingsError
from .settings import Settings, load

__all__ = ["Settings", "SettingsError", "load"]
