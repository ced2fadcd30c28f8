"""The application of port 8000."""

from __future__ import annotations

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from digital_human_runtime.version import version

from . import chat, completions, origin, page, problems, speech
from .requests import BodyLimit
from .services import Services


def create(services: Services, websocket: ASGIApp) -> FastAPI:
    """All routes of port 8000; ``websocket`` answers at ``/ws``."""
    app = FastAPI(
        title="Digital human",
        version=version(),
        description="Talk to a digital human: text in, answers, speech and a face out.",
        docs_url=None,  # the pages that show it load scripts from elsewhere
        redoc_url=None,
    )
    problems.install(app, services.metrics.failed)
    security = services.settings.security
    app.add_middleware(BodyLimit, limit=security.request_bytes)
    origin.install(app, security.allowed_origins)

    @app.get("/health")
    async def health() -> Response:
        """Whether conversations can be had: 200 or 503, with each check."""
        report = services.health.ready()
        return JSONResponse(report.body(), report.status, {"Cache-Control": "no-store"})

    @app.get("/version")
    async def show_version() -> dict[str, str]:
        """What runs here."""
        return {
            "name": services.settings.name,
            "version": version(),
            "model": services.model.name,
            "protocol": "1",
        }

    routers = [part.router(services) for part in (chat, completions, speech)]
    for router in routers:
        app.include_router(router)
    app.router.routes.append(WebSocketRoute("/ws", endpoint=websocket))
    app.router.routes.append(Route("/ws", endpoint=websocket))  # plain HTTP is told what it is
    # What is included hides its routes; the page asks them for the methods of a path.
    page.mount(app, services.page, [*app.routes, *(r for one in routers for r in one.routes)])
    return app
