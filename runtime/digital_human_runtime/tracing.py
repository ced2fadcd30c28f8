"""OpenTelemetry traces, one for each turn, when an endpoint is set."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from digital_human_runtime.pipeline import TurnFigures
from digital_human_runtime.version import version

_NANO = 1_000_000_000
EXPORT_SECONDS = 2.0
"""For one batch, with all its tries: a collector that is away must not hold the process's end."""
_PARTS = ("first_token", "first_clause", "first_audio", "first_frame")


def to_collector(endpoint: str) -> SpanProcessor:
    """Sends spans to a collector by OTLP over HTTP, in batches, from a thread of its own."""
    address = f"{endpoint.rstrip('/')}/v1/traces"
    return BatchSpanProcessor(OTLPSpanExporter(address, timeout=EXPORT_SECONDS))


class TurnTraces:
    """Makes a span of each turn when it ended: its milestones are events, no words are in it."""

    def __init__(self, processor: SpanProcessor, attributes: dict[str, str]) -> None:
        resource = Resource.create({"service.name": "digital-human-runtime", **attributes})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("digital_human_runtime", version())

    def turn_ended(self, figures: TurnFigures) -> None:
        """Trace a turn."""
        began = round(figures.started_at * _NANO)
        span = self._tracer.start_span("turn", kind=SpanKind.SERVER, start_time=began)
        for part in _PARTS:
            seconds = getattr(figures, part)
            if seconds is not None:
                span.add_event(part, timestamp=began + round(seconds * _NANO))
        span.set_attributes(
            {
                "digital_human.turn.kind": "speech" if figures.spoken else "text",
                "digital_human.turn.reason": figures.reason,
                "digital_human.turn.audio_seconds": figures.audio_seconds,
                "digital_human.turn.skew_samples": figures.skew_samples,
                "digital_human.turn.underruns": figures.underruns,
                "digital_human.turn.face_failovers": figures.face_failovers,
            }
        )
        if figures.reason == "failed":
            span.set_status(Status(StatusCode.ERROR, figures.code))
        span.end(began + round(figures.seconds * _NANO))

    def refused(self, code: str) -> None:
        """What was not admitted has no turn."""

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()
