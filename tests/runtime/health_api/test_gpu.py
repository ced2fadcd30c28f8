from types import SimpleNamespace

import pynvml
import pytest

from digital_human_runtime.doctor.machine import devices
from digital_human_runtime.health_api import gpu
from digital_human_runtime.health_api.gpu import Gpus
from digital_human_runtime.metrics import Metrics


class Driver:
    """NVIDIA's library as it answers on a machine with one GPU; ``lost`` makes it fail."""

    NVMLError = pynvml.NVMLError
    lost = False
    sliced = False
    """It is in slices (MIG): its use is not known, and its memory is none of ours."""

    def nvmlInit(self) -> None:  # noqa: N802 - the library's own names, here and below
        """Nothing to do."""

    nvmlShutdown = nvmlInit  # noqa: N815

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        if self.lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, _device: int) -> str:  # noqa: N802
        return "NVIDIA A100-SXM4-80GB"

    def nvmlDeviceGetMemoryInfo(self, _device: int) -> SimpleNamespace:  # noqa: N802
        if self.sliced:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NO_PERMISSION)
        return SimpleNamespace(used=40 * 2**30, total=80 * 2**30)

    def nvmlDeviceGetUtilizationRates(self, _device: int) -> SimpleNamespace:  # noqa: N802
        if self.sliced:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return SimpleNamespace(gpu=73, memory=20)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    found = Driver()
    monkeypatch.setattr(gpu, "pynvml", found)
    return found


def test_a_gpu_is_shown_by_name_and_in_percent(driver: Driver) -> None:
    gpus = Gpus()
    gpus.start()
    assert gpus.check(wanted=True).ok
    assert "A100" in gpus.check(wanted=True).detail
    metrics = Metrics(16000)
    metrics.gpus(gpus.read())
    for name in ("gpu_utilization", "digital_human_gpu_utilization"):
        assert metrics.registry.get_sample_value(name, {"gpu": "0"}) == 73
    driver.lost = True
    assert gpus.read() == ()
    lost = gpus.check(wanted=True)
    assert not lost.ok
    assert "lost" in lost.detail.lower()
    gpus.close()


def test_a_slice_of_a_gpu_is_there_though_its_use_is_not_told(driver: Driver) -> None:
    driver.sliced = True
    gpus = Gpus()
    gpus.start()
    assert gpus.check(wanted=True).ok
    assert "A100" in gpus.check(wanted=True).detail
    assert devices() == ["NVIDIA A100-SXM4-80GB"]
    metrics = Metrics(16000)
    metrics.gpus(gpus.read())
    assert metrics.registry.get_sample_value("gpu_utilization", {"gpu": "0"}) is None
    driver.sliced = False
    assert devices() == ["NVIDIA A100-SXM4-80GB, 80 GiB"]
    gpus.close()


def test_without_a_driver_a_gpu_is_missed_only_where_one_is_configured(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(driver, "nvmlInit", missing)
    gpus = Gpus()
    gpus.start()
    assert gpus.check(wanted=False).ok
    assert not gpus.check(wanted=True).ok
    assert gpus.read() == ()
    gpus.close()
