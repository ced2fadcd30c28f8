"""
Every metric of the runtime, declared once; labels take few values, none of which a client chooses.

The deployment guide's names stand beside those that autoscaling asks for. GPU utilisation is in
percent, 0..100, as nvidia-smi shows it.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)

from digital_human_runtime.health_api.gpu import GpuFacts
from digital_human_runtime.pipeline import TurnFigures
from digital_human_runtime.session.admission import Gauges
from digital_human_runtime.version import version

_FAST = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
_SKEW = (0.0, 0.005, 0.01, 0.02, 0.045, 0.1, 0.25)
CODES = frozenset(
    {
        *("bad_input", "busy", "conflict", "engine", "internal", "not_authenticated", "not_found"),
        *("origin", "too_large", "unavailable"),
    }
)
"""Codes of errors that are counted by name; all others are ``other``."""


class Metrics:
    """The metrics of one process; told of turns as ``Observer``, of clips as ``StreamObserver``."""

    def __init__(self, sample_rate: int, registry: CollectorRegistry | None = None) -> None:
        self._sample_rate = sample_rate
        self.registry = registry or CollectorRegistry(auto_describe=True)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        Info("digital_human_build", "Version of the runtime.", registry=self.registry).info(
            {"version": version()}
        )
        self._turns()
        self._places()
        self._clips()
        self.gpu = tuple(
            Gauge(name, "GPU utilisation in percent.", ["gpu"], registry=self.registry)
            for name in ("digital_human_gpu_utilization", "gpu_utilization")
        )
        self.gpu_memory = Gauge(
            "digital_human_gpu_memory_bytes",
            "GPU memory in use.",
            ["gpu"],
            registry=self.registry,
        )
        self.degraded = Gauge(
            "digital_human_degraded",
            "1 while a part is not as it should be.",
            ["check"],
            registry=self.registry,
        )
        self.speaking = Gauge(
            "digital_human_speaking",
            "1 when the last synthetic conversation gave sound and moving lips.",
            registry=self.registry,
        )
        self.speaking_seconds = Gauge(
            "digital_human_speaking_first_audio_seconds",
            "First audio of the last synthetic conversation.",
            registry=self.registry,
        )

    def _turns(self) -> None:
        registry = self.registry
        self.response = Histogram(
            "digital_human_response_time",
            "Seconds from a question to the first sound, or to the end of an answer in text.",
            ["kind"],
            buckets=_FAST,
            registry=registry,
        )
        self.errors = Counter(
            "digital_human_errors", "Answers that failed, by code.", ["code"], registry=registry
        )
        self.refused_total = Counter(
            "digital_human_refused", "Not admitted, by code.", ["code"], registry=registry
        )
        self.turns = Counter("digital_human_turns", "Turns.", ["reason"], registry=registry)
        self.parts = {
            part: Histogram(
                f"digital_human_first_{part}_seconds",
                f"From the question to the first {part}.",
                buckets=_FAST,
                registry=registry,
            )
            for part in ("token", "clause", "audio", "frame")
        }
        self.audio = Counter(
            "digital_human_audio_seconds", "Sound that was made.", registry=registry
        )
        self.skew = Histogram(
            "digital_human_skew_seconds",
            "By how much the face lagged behind the sound, the most of a turn.",
            buckets=_SKEW,
            registry=registry,
        )
        self.interrupts = Counter(
            "digital_human_interrupts", "Turns that were interrupted.", registry=registry
        )
        self.underruns = Counter(
            "digital_human_underruns", "Times that a listener waited for sound.", registry=registry
        )
        for code in (*CODES, "other"):
            self.errors.labels(code)  # 0 is there before the first error, so that a rise is seen
        for reason in ("complete", "interrupted", "failed"):
            self.turns.labels(reason)
        self.failovers = Counter(
            "digital_human_face_failovers",
            "Clauses for which the embedded face stepped in.",
            registry=registry,
        )

    def _places(self) -> None:
        self.places = {
            field: Gauge(f"digital_human_{name}", said, registry=self.registry)
            for field, name, said in (
                ("sessions", "sessions_active", "Conversations that are open."),
                ("sessions_limit", "sessions_capacity", "Conversations that fit."),
                ("turns", "turns_active", "Answers that are being made."),
                ("turns_limit", "turns_capacity", "Answers that can be made at once."),
                ("queued", "queue_length", "Questions that wait."),
                ("queue_limit", "queue_capacity", "Questions that may wait."),
            )
        }
        self.active_sessions = Gauge(
            "digital_human_active_sessions",
            "Conversations that are open; as digital_human_sessions_active.",
            registry=self.registry,
        )

    def _clips(self) -> None:
        registry = self.registry
        self.streams = Gauge(
            "digital_human_face_streams_active", "Clips that have a place.", registry=registry
        )
        self.streams_most = Gauge(
            "digital_human_face_streams_capacity", "Clips that fit.", registry=registry
        )
        self.clips = Counter("digital_human_face_clips", "Clips.", ["result"], registry=registry)
        self.clip_seconds = Counter(
            "digital_human_face_audio_seconds", "Sound of clips.", registry=registry
        )
        self.clip_first = Histogram(
            "digital_human_face_first_frame_seconds",
            "From the first sound of a clip to its first frame.",
            buckets=_FAST,
            registry=registry,
        )

    def room(self, gauges: Gauges) -> None:
        """How full the process is now."""
        for name, gauge in self.places.items():
            gauge.set(getattr(gauges, name))
        self.active_sessions.set(gauges.sessions)

    def failed(self, code: str) -> None:
        """Count an answer that failed."""
        self.errors.labels(_bounded(code)).inc()

    def answered(self, kind: str, seconds: float) -> None:
        """An answer in text is complete; ``kind`` is ``chat`` or ``completions``."""
        self.response.labels(kind).observe(seconds)

    def turn_ended(self, figures: TurnFigures) -> None:
        """Count a spoken turn; answers in text are counted as ``answered``."""
        if not figures.spoken:
            return
        self.turns.labels(figures.reason).inc()
        for part, histogram in self.parts.items():
            seconds = getattr(figures, f"first_{part}")
            if seconds is not None:
                histogram.observe(seconds)
        if figures.first_audio is not None:
            self.response.labels("conversation").observe(figures.first_audio)
            self.skew.observe(figures.skew_samples / self._sample_rate)
        self.audio.inc(figures.audio_seconds)
        self.interrupts.inc(figures.reason == "interrupted")
        self.underruns.inc(figures.underruns)
        self.failovers.inc(figures.face_failovers)
        if figures.reason == "failed":
            self.failed(figures.code or "internal")

    def refused(self, code: str) -> None:
        """Count a session or turn that was not admitted."""
        self.refused_total.labels(_bounded(code)).inc()

    def stream_admitted(self) -> None:
        """A clip took a place."""
        self.streams.inc()

    def stream_left(self) -> None:
        """A clip gave its place back."""
        self.streams.dec()

    def stream_ended(self, result: str, audio_seconds: float, first_frame: float | None) -> None:
        """Count a clip, also one that was refused."""
        self.clips.labels(result).inc()
        self.clip_seconds.inc(audio_seconds)
        if first_frame is not None:
            self.clip_first.observe(first_frame)

    def spoke(self, seconds: float | None) -> None:
        """A synthetic conversation gave sound after these seconds; None: it failed."""
        self.speaking.set(seconds is not None)
        if seconds is not None:
            self.speaking_seconds.set(seconds)

    def gpus(self, found: Iterable[GpuFacts]) -> None:
        """What the GPUs do now, as far as it is known."""
        for one in found:
            told = [(gauge, one.utilization) for gauge in self.gpu]
            for gauge, value in (*told, (self.gpu_memory, one.memory_used)):
                if value is not None:
                    gauge.labels(str(one.index)).set(value)

    def checked(self, degraded: Iterable[tuple[str, bool]]) -> None:
        """What the checks say now."""
        for name, worse in degraded:
            self.degraded.labels(name).set(worse)


def _bounded(code: str) -> str:
    return code if code in CODES else "other"
