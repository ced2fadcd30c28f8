"""CPU and memory of the runtime container: the guide's figures, changed key by key by the user."""

from __future__ import annotations

from digital_human_operator.api.v1alpha1.body import Resources
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec

GPU_REQUESTS = {"cpu": "8", "memory": "32Gi"}
GPU_LIMITS = {"cpu": "16", "memory": "64Gi"}
CPU_REQUESTS = {"cpu": "1", "memory": "1Gi"}
CPU_LIMITS = {"cpu": "2", "memory": "2Gi"}


def requests_and_limits(spec: DigitalHumanSpec) -> tuple[dict[str, str], dict[str, str]]:
    """
    What to ask for and the most that may be used.

    A user who gives one of the two beyond our default of the other means both: a default never
    makes a request larger than its limit.
    """
    with_gpu = spec.gpu.profile != "none"
    given = spec.resources or Resources()
    requests = (GPU_REQUESTS if with_gpu else CPU_REQUESTS) | given.requests
    limits = (GPU_LIMITS if with_gpu else CPU_LIMITS) | given.limits
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
