"""The memory plan: whether the models fit into the GPUs, before any Pod is started."""

from __future__ import annotations

from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.api.v1alpha1.status import FacePlan, MemoryPlan
from digital_human_operator.decision import MemoryVerdict

from . import options
from .load import FaceLoad, Load, face_load_of, load_of


def memory(spec: DigitalHumanSpec) -> MemoryVerdict:
    """The plan and whether it works out, for the runtime and a managed face."""
    load, face = load_of(spec), face_load_of(spec.face.managed)
    told: list[str] = []
    engine = spec.llm.transformers
    unknown = load is not None and engine is not None and load.model is None
    if unknown and engine is not None:
        told.append(
            f"spec.llm.transformers.model {engine.model} is not in the catalogue: whether it fits"
            " into GPU memory is not checked without llm.transformers.architecture"
        )
    elif load is not None and not load.fits:
        told.append(options.explain(spec, load))
    face_fits = face is None or face.fits
    if face is not None and not face.fits:
        told.append(options.explain_face(face))
    if load is None and face is None:
        return MemoryVerdict()
    fits: bool | None = face_fits and (load is None or load.fits)
    if unknown and face_fits:
        fits = None
    return MemoryVerdict(_plan(load, face, unknown=unknown), fits, "; ".join(told) or None)


def _plan(load: Load | None, face: FaceLoad | None, *, unknown: bool) -> MemoryPlan:
    """The sums for status: of the Pod's GPUs, and of a managed face on its own."""
    face_plan = _face(face) if face is not None else None
    if load is None:
        return MemoryPlan(face=face_plan)
    return MemoryPlan(
        weights=None if unknown else _text(load.weights),
        kv_cache=None if unknown else _text(load.kv_cache),
        contexts=_text(load.contexts),
        total=None if unknown else _text(load.total),
        available=_text(load.available),
        fits=None if unknown else load.fits,
        face=face_plan,
    )


def _face(face: FaceLoad) -> FacePlan:
    return FacePlan(needs=_text(face.total), available=_text(face.gpu.memory_gib), fits=face.fits)


def _text(gib: float) -> str:
    return f"{gib:.1f}"
