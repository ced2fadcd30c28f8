"""Where the face network runs: on the processor, or on a GPU by CUDA."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any, Literal

import onnxruntime
import pynvml

from digital_human_runtime.engines.errors import Refused

Device = Literal["auto", "cpu", "cuda"]
"""What may be asked for; ``auto`` takes a GPU where there is one that can be used."""
SETTING = "DIGITAL_HUMAN_FACE_DEVICE"
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_log = logging.getLogger(__name__)


def session(raw: bytes, wanted: Device) -> Any:
    """A session of onnxruntime with this model; Refused where ``cuda`` cannot be had."""
    if wanted == "cpu":
        return _session(raw, _CPU)
    reason = _missing()
    if reason is None:
        try:
            found = _session(raw, _CUDA, _CPU)
        except (ValueError, RuntimeError) as error:  # as onnxruntime's own fallback catches them
            _log.debug("no CUDA for the face: %s", error)
        else:
            if wanted == "auto" or of(found) == "cuda":
                return found
        reason = "onnxruntime could not use the GPU: see that its versions of CUDA and cuDNN are"
        reason += " installed and that CUDA_VISIBLE_DEVICES hides no GPU"
    if wanted == "cuda":
        raise Refused(f"{SETTING} is cuda, but {reason}; or set it to auto or cpu")
    return _session(raw, _CPU)


def of(found: Any) -> Literal["cpu", "cuda"]:
    """Where a session really runs, which is not always what it was asked for."""
    return "cuda" if found.get_providers()[0] == _CUDA else "cpu"


def _missing() -> str | None:
    """What CUDA lacks here; asked first, for onnxruntime writes such things to stderr itself."""
    if not _gpus():
        return "there is no GPU here: give the Pod one (spec.gpu)"
    if _CUDA not in onnxruntime.get_available_providers():
        return "onnxruntime is built without CUDA: install onnxruntime-gpu in its place"
    return None


def _gpus() -> int:
    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        try:
            return int(pynvml.nvmlDeviceGetCount())
        finally:
            pynvml.nvmlShutdown()
    return 0


def _session(raw: bytes, *providers: str) -> Any:
    """One thread inside a run: parallelism comes from streams, and more threads would fight."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(raw, options, providers=list(providers), enable_fallback=0)
