"""``python -m digital_human_runtime``: serve one digital human until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from digital_human_runtime import settings as configuration
from digital_human_runtime.settings import Settings, SettingsError
from digital_human_runtime.version import version


def main(argv: list[str] | None = None) -> int:
    """
    Run until told to stop; returns the exit status.

    2: the settings are wrong or an address is taken, said in a sentence on stderr; 1: something
    else failed.
    """
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["doctor"]:
        return _doctor(words[1:])
    _parser().parse_args(words)
    try:
        settings = configuration.load(os.environ)
        _readable(settings.secret_files)
    except SettingsError as error:
        return _refuse(*error.sentences)
    # gRPC's core writes lines of its own to stderr: what matters of it is told by exceptions.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # What follows is slow to import; wrong settings should be told at once.
    from digital_human_runtime import app, logs  # noqa: PLC0415
    from digital_human_runtime.engines.errors import Refused  # noqa: PLC0415
    from digital_human_runtime.http_api.serving import CannotListen  # noqa: PLC0415

    env = settings.environment
    logs.configure(
        env.digital_human_log_level,
        env.digital_human_log_format,
        conversations=env.digital_human_log_conversations,
        fields=_fields(settings),
    )
    try:
        return asyncio.run(app.run(settings))
    except* (Refused, CannotListen, ValueError, OSError) as errors:
        return_code = _refuse(*(str(error) for error in _leaves(errors)))
    except* Exception as errors:
        logging.getLogger(__name__).critical("the runtime failed", exc_info=errors)
        return_code = 1
    return return_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="digital-human-runtime",
        description="Serve one digital human. Everything is set by environment variables and by the"
        " file that DIGITAL_HUMAN_CONFIG names: see docs/reference/runtime.md. With the word doctor"
        " it says what these settings come to here, and looks at a human where one runs: see"
        " doctor --help.",
    )
    parser.add_argument("--version", action="version", version=version())
    return parser


def _doctor(words: Sequence[str]) -> int:
    """What ``digital-human-doctor`` does; returns its exit status."""
    from digital_human_runtime.doctor.__main__ import app  # noqa: PLC0415 - slow to import

    try:
        app(list(words), prog_name="digital-human-runtime doctor")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _refuse(*sentences: str) -> int:
    sys.stderr.writelines(f"{sentence}\n" for sentence in sentences)
    return 2


def _readable(files: Sequence[Path]) -> None:
    """Raise SettingsError for a secret file that is not there, before anything starts."""
    said = []
    for file in files:
        try:
            with file.open("rb"):
                pass
        except OSError as error:
            said.append(f"The secret file {file} cannot be read: {error.strerror}")
    if said:
        raise SettingsError(*said)


def _fields(settings: Settings) -> dict[str, str]:
    env = settings.environment
    fields = {"human": settings.name, "pod": env.pod_name or platform.node()}
    return fields | ({"project": env.project_id} if env.project_id else {})


def _leaves(errors: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in errors.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found


if __name__ == "__main__":
    sys.exit(main())
