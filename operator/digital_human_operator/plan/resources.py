"""CPU and memory of the containers: the guide's figures, changed key by key by the user."""

from __future__ import annotations

from collections.abc import Mapping

from digital_human_operator.api.v1alpha1.body import Resources
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.api.v1alpha1.face import ManagedFace
from digital_human_operator.api.v1alpha1.life import ManagedRedisResources, RedisStore
from digital_human_operator.human import REDIS_SHARE

GPU_REQUESTS = {"cpu": "8", "memory": "32Gi"}
GPU_LIMITS = {"cpu": "16", "memory": "64Gi"}
CPU_REQUESTS = {"cpu": "1", "memory": "1Gi"}
CPU_LIMITS = {"cpu": "2", "memory": "2Gi"}
FACE_REQUESTS = {"cpu": "2", "memory": "8Gi"}
FACE_LIMITS = {"cpu": "4", "memory": "16Gi"}


def requests_and_limits(spec: DigitalHumanSpec) -> tuple[dict[str, str], dict[str, str]]:
    """What the runtime asks for and the most that it may use."""
    if spec.gpu.profile == "none":
        return _changed(CPU_REQUESTS, CPU_LIMITS, spec.resources)
    return _changed(GPU_REQUESTS, GPU_LIMITS, spec.resources)


def face_requests_and_limits(face: ManagedFace | None) -> tuple[dict[str, str], dict[str, str]]:
    """What a managed Audio2Face asks for and the most that it may use."""
    return _changed(FACE_REQUESTS, FACE_LIMITS, face.resources if face else None)


def redis_max_memory(redis: RedisStore | None) -> int | None:
    """
    Bytes that a managed Redis may fill; None where it has no limit.

    Beyond them it refuses to store more. Without them it would be killed at the container's limit,
    and again whenever it loads its file.
    """
    if redis is None or redis.managed is None:
        return None
    resources = redis.managed.resources or ManagedRedisResources()
    return int(quantity(resources.memory) * REDIS_SHARE) or None


def _changed(
    usual: Mapping[str, str], most: Mapping[str, str], given: Resources | None
) -> tuple[dict[str, str], dict[str, str]]:
    """
    Our figures with those of the user.

    A user who gives one of the two beyond our default of the other means both: a default never
    makes a request larger than its limit. What cannot be overcommitted (huge pages, devices) has
    to have a limit: the request.
    """
    given = given or Resources()
    requests, limits = {**usual, **given.requests}, {**most, **given.limits}
    for key, asked in requests.items():
        if key.startswith("hugepages-") or "/" in key:
            limits.setdefault(key, asked)
    for key in requests.keys() & limits.keys():
        if quantity(requests[key]) <= quantity(limits[key]):
            continue
        if key in given.requests:
            limits[key] = requests[key]
        else:
            requests[key] = limits[key]
    return requests, limits


_FACTORS = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    **{unit: 1000.0**power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", 1)},
}


def quantity(text: str) -> float:
    """The number that a Kubernetes quantity means, for example ``500m`` or ``64Gi``."""
    digits = text.rstrip("nukKMGTPEim")
    if digits != text and text[len(digits) :] in _FACTORS:
        return float(digits) * _FACTORS[text[len(digits) :]]
    return float(text)
