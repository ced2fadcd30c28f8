"""
What to change so that the models fit: every option was computed to fit before it is offered.

One change is offered where one is enough; otherwise pairs of changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

from digital_human_operator.api.v1alpha1.body import GpuProfileName
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.api.v1alpha1.mind import Precision

from .load import BITS, FACE_GIB, STREAM_GIB, FaceLoad, Load
from .profiles import PROFILES

_MOST = 4
_ENOUGH = 2
_SHORTEST = 1024


@dataclass(frozen=True)
class Option:
    """A load that fits, and the fields that lead there."""

    load: Load
    changes: tuple[str, ...]

    @property
    def text(self) -> str:
        """For a person, with the memory that it takes."""
        needed = f"{_gib(self.load.total)} of {_gib(self.load.available)} GiB"
        return f"{' and '.join(self.changes)} ({needed})"


def options(spec: DigitalHumanSpec, load: Load) -> tuple[Option, ...]:
    """At most a handful of ways to make ``load`` fit, the least change first."""
    ways = (
        _precisions(spec, load),
        _contexts(spec, load),
        _sessions(spec, load),
        _profiles(load),
    )
    single = [fit for way in ways if (fit := _first(Option(n, (c,)) for n, c in way)) is not None]
    if len(single) >= _ENOUGH:
        return tuple(single[:_MOST])
    return tuple((*single, *_pairs(spec, load))[:_MOST])


def _pairs(spec: DigitalHumanSpec, load: Load) -> Iterator[Option]:
    """A smaller format with one change more."""
    for smaller, change in _precisions(spec, load):
        if smaller.fits:
            continue
        for way in (_contexts(spec, smaller), _profiles(smaller)):
            fit = _first(Option(n, (change, c)) for n, c in way)
            if fit is not None:
                yield fit


def explain(spec: DigitalHumanSpec, load: Load) -> str:
    """Why ``load`` does not fit, with the sum, and what would."""
    engine = spec.llm.transformers
    gives = f"the profile gives 1 x {load.gpu.memory_gib:g} GiB"
    name = f"{engine.model} at {load.precision}" if engine else "the runtime"
    if load.weights > load.available:
        needs = f"{_gib(load.weights)} GiB for weights"
    else:
        needs = (
            f"{_gib(load.total)} GiB (weights {_gib(load.weights)}, key/value cache"
            f" {_gib(load.kv_cache)}, contexts {_gib(load.contexts)})"
        )
        gives += f", of which memoryFraction {load.fraction:g} allows {_gib(load.available)} GiB"
    found = options(spec, load)
    ways = "; ".join(option.text for option in found) or "a smaller model"
    return f"{name} needs {needs}; {gives}. Options: {ways}"


def face_options(face: FaceLoad) -> tuple[tuple[FaceLoad, str], ...]:
    """Ways to make Audio2Face fit: fewer conversations on this GPU, or a larger one."""
    found: list[tuple[FaceLoad, str]] = []
    streams = int((face.gpu.memory_gib - FACE_GIB) / STREAM_GIB)
    if 0 < streams < face.streams and replace(face, streams=streams).fits:
        found.append((replace(face, streams=streams), f"streams {streams}"))
    larger = sorted(PROFILES, key=lambda name: (PROFILES[name].memory_gib, name))
    for name in larger:
        if replace(face, profile=name).fits and len(found) < _MOST:
            found.append((replace(face, profile=name), f"gpu.profile {name}"))
    return tuple(found)


def explain_face(face: FaceLoad) -> str:
    """Why Audio2Face does not fit, and what would."""
    ways = "; ".join(text for _, text in face_options(face))
    return (
        f"face.managed with {face.streams} streams needs {face.total:.1f} GiB; {face.profile} gives"
        f" {face.gpu.memory_gib:g} GiB. Options: {ways or 'fewer streams'}"
    )


def _first(candidates: Iterator[Option]) -> Option | None:
    return next((one for one in candidates if one.load.fits), None)


def _precisions(spec: DigitalHumanSpec, load: Load) -> Iterator[tuple[Load, str]]:
    """The smaller formats that the runtime serves on this GPU, the most exact first."""
    order: tuple[Precision, ...] = ("bf16", "int8", "int4")
    also = " and gpu.quantization.method" if spec.gpu.quantization else ""
    for precision in order:
        if BITS[precision] < BITS[load.precision]:
            yield replace(load, precision=precision), f"precision{also} {precision}"


def _contexts(spec: DigitalHumanSpec, load: Load) -> Iterator[tuple[Load, str]]:
    """Half the context, a quarter ..., as long as an answer has room."""
    engine = spec.llm.transformers
    least = max(_SHORTEST, 2 * engine.max_new_tokens) if engine else _SHORTEST
    length = load.context_length // 2
    while length >= least:
        yield replace(load, context_length=length), f"contextLength {length}"
        length //= 2


def _sessions(spec: DigitalHumanSpec, load: Load) -> Iterator[tuple[Load, str]]:
    """The largest number of sessions that fits, not below what the autoscaler aims at."""
    target = spec.autoscaling.sessions_per_replica if spec.autoscaling else None
    for sessions in range(load.sessions - 1, (target or 1) - 1, -1):
        yield replace(load, sessions=sessions), f"sessions.perReplica {sessions}"


def _profiles(load: Load) -> Iterator[tuple[Load, str]]:
    """Larger GPUs, the smallest first; a slice can become a whole GPU."""
    names: tuple[GpuProfileName, ...] = get_args(GpuProfileName)
    larger = [
        name
        for name in names
        if name in PROFILES
        and PROFILES[name].memory_gib > load.gpu.memory_gib
        and (load.precision != "fp8" or PROFILES[name].fp8)
    ]
    for name in sorted(larger, key=lambda name: (PROFILES[name].memory_gib, name)):
        yield replace(load, profile=name), f"gpu.profile {name}"


def _gib(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
