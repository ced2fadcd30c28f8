"""The gRPC server: services, health, reflection, TLS."""

from __future__ import annotations

import logging
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from nvidia_audio2face_3d import (
    a2x_export_config_pb2_grpc,
    audio2face_pb2,
    audio2face_pb2_grpc,
)

from digital_human_runtime.access.gate import Gate
from digital_human_runtime.http_api.serving import CannotListen
from digital_human_runtime.interfaces import Face
from digital_human_runtime.settings.settings import Security

from .controller import Controller, StreamObserver
from .export import Export
from .guard import Guard
from .names import CONTROLLER, EXPORT

_log = logging.getLogger(__name__)
DESCRIBED = audio2face_pb2.DESCRIPTOR
"""Reflection describes only services whose descriptors were imported, which its stubs do not do."""
OTHER_CALLS = 64
"""Calls at once beside clips: probes, reflection, and clips that are told there is no room."""


class GrpcServer:
    """Life: ``start`` once, ``drain`` when the process shall end, ``stop`` once."""

    def __init__(
        self,
        *,
        face: Face,
        streams: int,
        gate: Gate,
        security: Security,
        observer: StreamObserver,
    ) -> None:
        self._controller = Controller(face, streams, observer)
        self._health = health.aio.HealthServicer()
        self._security = security
        self._server = grpc.aio.server(
            interceptors=(Guard(gate),),
            maximum_concurrent_rpcs=2 * streams + OTHER_CALLS,
            options=(("grpc.so_reuseport", 0),),
        )
        controller, export = audio2face_pb2_grpc, a2x_export_config_pb2_grpc
        controller.add_A2FControllerServiceServicer_to_server(  # type: ignore[no-untyped-call] # generated
            self._controller, self._server
        )
        export.add_A2XExportConfigServiceServicer_to_server(  # type: ignore[no-untyped-call] # generated
            Export(face.fps, streams), self._server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (CONTROLLER, EXPORT, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    def bind(self, address: str) -> int:
        """Take ``host:port`` and return the port; raises CannotListen."""
        try:
            port: int = self._add(address)
        except RuntimeError:
            port = 0
        if port == 0:
            raise CannotListen(
                f"{address} cannot be served: it is in use, or no address of this machine"
            )
        return port

    async def start(self) -> None:
        """Let callers in."""
        await self._server.start()

    async def serving(self, serving: bool) -> None:
        """What health checks are told, for the server as a whole and for each service."""
        status = health_pb2.HealthCheckResponse
        for name in ("", CONTROLLER, EXPORT):
            await self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    async def drain(self) -> None:
        """Take no new clips."""
        self._controller.drain()
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace_seconds: float) -> None:
        """End; clips that run may finish within the grace."""
        await self._server.stop(grace_seconds)

    def _add(self, address: str) -> int:
        cert, key = self._security.tls_cert_file, self._security.tls_key_file
        if cert is None or key is None:
            return int(self._server.add_insecure_port(address))
        client_ca = self._security.grpc_client_ca_file
        files = _TlsFiles(cert, key, client_ca)
        credentials = grpc.dynamic_ssl_server_credentials(
            files.read(), files.changed, require_client_authentication=client_ca is not None
        )
        return int(self._server.add_secure_port(address, credentials))


class _TlsFiles:
    """Certificate and key, read again when the files change; gRPC asks at each handshake."""

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        self._files = (cert, key, client_ca)
        self._seen: tuple[int, ...] = ()

    def read(self) -> grpc.ServerCertificateConfiguration:
        """What the files hold now."""
        self._seen = self._times()
        cert, key, client_ca = self._files
        return grpc.ssl_server_certificate_configuration(
            [(_bytes(key), _bytes(cert))],
            root_certificates=_bytes(client_ca) if client_ca is not None else None,
        )

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """What the files hold, when it is something new."""
        try:
            return self.read() if self._times() != self._seen else None
        except (OSError, ValueError) as error:
            _log.warning("the certificate cannot be read again: %s", type(error).__name__)
            return None

    def _times(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns for file in self._files if file is not None)


def _bytes(path: Path | None) -> bytes:
    return path.read_bytes() if path is not None else b""
