"""The application of port 9090: probes that a kubelet asks, and metrics that Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .report import Health, Report


def create(health: Health, scrape: Callable[[], bytes]) -> Starlette:
    """
    Probes by the guide's paths; liveness asks nobody but this process.

    ``scrape`` gives the metrics as Prometheus reads them.
    """

    async def live(_request: Request) -> Response:
        return _json({"status": "alive"}, 200)

    async def metrics(_request: Request) -> Response:
        return Response(scrape(), media_type=CONTENT_TYPE_LATEST)

    async def ready(_request: Request) -> Response:
        return _probe(health.ready())

    async def startup(_request: Request) -> Response:
        return _probe(health.startup())

    return Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/health/startup", startup),
            Route("/metrics", metrics),
        ]
    )


def _probe(report: Report) -> Response:
    return _json(report.body(), report.status)


def _json(body: object, status: int) -> Response:
    return JSONResponse(body, status, {"Cache-Control": "no-store"})
