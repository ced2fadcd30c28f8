"""``GetConfigs``: how this service is set, as the files that a client can start from."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import yaml
from nvidia_audio2face_3d import a2x_export_config_pb2, a2x_export_config_pb2_grpc

from digital_human_runtime.frames import EMOTION_STRENGTH, EMOTIONS, FaceOptions

from .header import FASTEST, SLOWEST
from .names import PASCAL_SHAPES
from .timeline import LONGEST_BUFFER, LONGEST_CLIP


def configuration(fps: int, streams: int) -> dict[str, Any]:
    """Limits and defaults of the service, and every name that a header may use."""
    options = FaceOptions()
    return {
        "common": {
            "stream_number": streams,
            "fps": fps,
            "min_sample_rate": SLOWEST,
            "max_sample_rate": FASTEST,
            "max_buffer_seconds": LONGEST_BUFFER,
            "max_clip_seconds": LONGEST_CLIP,
        },
        "blendshape_params": {
            "bs_weight_multipliers": dict.fromkeys(PASCAL_SHAPES, 1.0),
            "bs_weight_offsets": dict.fromkeys(PASCAL_SHAPES, 0.0),
            "enable_clamping_bs_weight": False,
        },
        "emotion_params": {
            "live_transition_time": options.transition_seconds,
            "beginning_emotion": dict.fromkeys(EMOTIONS, 0.0),
        },
        "emotion_post_processing_params": {
            "emotion_strength": EMOTION_STRENGTH,
            "live_blend_coef": options.blend,
        },
    }


class Export(a2x_export_config_pb2_grpc.A2XExportConfigServiceServicer):
    """Answers with one file, in the form that is asked for."""

    def __init__(self, fps: int, streams: int) -> None:
        self._configuration = configuration(fps, streams)

    async def GetConfigs(  # noqa: N802 - its name in the protocol
        self,
        request: a2x_export_config_pb2.ConfigsTypeRequest,
        _context: grpc.aio.ServicerContext,
    ) -> AsyncIterator[a2x_export_config_pb2.A2XConfig]:
        """The file."""
        if request.config_type == a2x_export_config_pb2.ConfigsTypeRequest.JSON:
            name, content = "audio2face.json", json.dumps(self._configuration, indent=2)
        else:
            name, content = "audio2face.yaml", yaml.safe_dump(self._configuration, sort_keys=False)
        yield a2x_export_config_pb2.A2XConfig(name=name, content=content)
