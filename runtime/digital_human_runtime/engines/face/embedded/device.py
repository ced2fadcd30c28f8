"""Where the face network runs: on the processor, or on a GPU by CUDA."""

from __future__ import annotations

import logging
from contextlib import redirect_stdout, suppress
from io import StringIO
from typing import Any, Literal

import onnxruntime
import pynvml

from digital_human_runtime.engines.errors import Refused

Device = Literal["auto", "cpu", "cuda"]
"""What may be asked for; ``auto`` takes a GPU where there is one that can be used."""
SETTING = "DIGITAL_HUMAN_FACE_DEVICE"
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_log = logging.getLogger(__name__)


class Session:
    """A model where it can be run. One that fails on a GPU goes on on the processor, for good."""

    def __init__(self, raw: bytes, wanted: Device) -> None:
        self._raw, self._found = raw, session(raw, wanted)

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where it runs now."""
        return of(self._found)

    @property
    def inputs(self) -> Any:
        """As onnxruntime tells them."""
        return self._found.get_inputs()

    def run(self, names: list[str], given: dict[str, Any]) -> Any:
        """The outputs of these names; raises what onnxruntime raises on the processor."""
        try:
            return self._found.run(names, given)
        except Exception as error:
            if self.device == "cpu":
                raise
            _log.warning("The face goes on on the processor, the GPU failed: %s", error)
            self._found = _session(self._raw, _CPU)
            return self._found.run(names, given)


def session(raw: bytes, wanted: Device) -> Any:
    """A session of onnxruntime with this model; Refused where ``cuda`` cannot be had."""
    if wanted == "cpu":
        return _session(raw, _CPU)
    gpus = _gpus()
    reason = _missing(gpus)
    if reason is None:
        if (found := _on_cuda(raw)) is not None:
            return found
        reason = "onnxruntime could not use the GPU: see that its versions of CUDA and cuDNN are"
        reason += " installed and that CUDA_VISIBLE_DEVICES hides no GPU"
    if wanted == "cuda":
        raise Refused(f"{SETTING} is cuda, but {reason}; or set it to auto or cpu")
    if gpus:
        _log.warning("The face runs on the processor: %s", reason)
    return _session(raw, _CPU)


def of(found: Any) -> Literal["cpu", "cuda"]:
    """Where a session really runs, which is not always what it was asked for."""
    return "cuda" if found.get_providers()[0] == _CUDA else "cpu"


def _on_cuda(raw: bytes) -> Any | None:
    """A session on a GPU; None where that fails, which onnxruntime says in many ways or in none."""
    try:
        _load_libraries()
        found = _session(raw, _CUDA, _CPU)
    except Exception as error:  # noqa: BLE001  # its own errors have no base of their own
        _log.debug("no CUDA for the face: %s", error)
        return None
    return found if of(found) == "cuda" else None


def _load_libraries() -> None:
    """Load CUDA from NVIDIA's packages beside this one, if they are there: no path leads there."""
    said = StringIO()
    with redirect_stdout(said):  # where it tells what it did not find
        onnxruntime.preload_dlls()
    _log.debug("libraries of CUDA: %s", said.getvalue().strip() or "loaded")


def _missing(gpus: int) -> str | None:
    """What CUDA lacks here; asked first, for onnxruntime writes such things to stderr itself."""
    if not gpus:
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
