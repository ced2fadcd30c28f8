"""``python -m digital_human_operator``: run the operator in a Pod or against a kubeconfig."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from pydantic import ValidationError

from digital_human_operator import __version__
from digital_human_operator.settings import PREFIX, SERVICE_ACCOUNT, Settings, problems


def main(argv: list[str] | None = None) -> int:
    """
    Run until told to stop; returns the exit status.

    2: the settings are wrong, one sentence per variable is on stderr; 1: something else failed.
    """
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.writelines(f"{problem}\n" for problem in problems(error))
        return 2
    # What follows is slow to import; wrong settings should be told at once.
    from digital_human_operator import app, logs, serve  # noqa: PLC0415
    from digital_human_operator.kube.credentials import CredentialsError  # noqa: PLC0415

    logs.configure(settings.log_level, settings.log_format)
    try:
        asyncio.run(app.run(settings, _credentials(arguments)))
    except (CredentialsError, serve.CannotListen) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except Exception:
        logging.getLogger(__name__).critical("the operator failed", exc_info=True)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="digital-human-operator",
        description="Run the DigitalHuman operator. Everything else is set by environment"
        f" variables that start with {PREFIX}.",
    )
    parser.add_argument("--kubeconfig", help="kubeconfig to use outside a Pod")
    parser.add_argument("--context", help="context of the kubeconfig")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _credentials(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    from digital_human_operator.kube import credentials  # noqa: PLC0415

    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if host and not arguments.kubeconfig:
        port = os.environ.get("KUBERNETES_SERVICE_PORT_HTTPS", "443")
        return credentials.from_service_account(SERVICE_ACCOUNT, host, port)
    return credentials.from_kubeconfig(arguments.kubeconfig, arguments.context)


if __name__ == "__main__":
    sys.exit(main())
