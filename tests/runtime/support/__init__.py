"""Small real engines for tests of the runtime: they compute, wait and fail as one asks them to."""

from .engines import EnergyFace, EnergyStream, ScriptedModel, ToneVoice, engines

__all__ = ["EnergyFace", "EnergyStream", "ScriptedModel", "ToneVoice", "engines"]
