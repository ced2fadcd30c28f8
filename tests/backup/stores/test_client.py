"""What our client leaves out at its start changes nothing that it sends or understands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import botocore.loaders
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import BotoCoreError
from botocore.utils import parse_timestamp

from digital_human_backup.stores import client
from digital_human_backup.stores.client import _moment, open_client
from digital_human_backup.stores.settings import S3Settings

ENDPOINTS = (
    None,
    "http://127.0.0.1:9000",
    "https://minio.example:9000/path",
    "https://s3.eu-central-1.amazonaws.com",
    "https://s3.cn-north-1.amazonaws.com.cn",
)
REGIONS = ("us-east-1", "cn-north-1", "us-gov-west-1", "garage", "aws-global", None)
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("put_object", {"Bucket": "b-x", "Key": "a/b c", "Body": b"x", "IfNoneMatch": "*"}),
    ("get_object", {"Bucket": "b.x", "Key": "k"}),
    ("delete_object", {"Bucket": "b-x", "Key": "k"}),
    ("list_objects_v2", {"Bucket": "b-x", "Prefix": "p/"}),
)
OFTEN_OTHERS = ("X-Amz-Date", "amz-sdk-invocation-id", "amz-sdk-request")


class _SentError(Exception):
    """A request, in place of its answer."""


def _sent(settings: S3Settings) -> list[Any]:
    """What goes to the service: addresses and headers, without what each request has anew."""
    opened = open_client(settings)
    return [_request(opened, call, words) for call, words in CALLS]


def _request(opened: Any, call: str, words: dict[str, Any]) -> Any:
    found: list[Any] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {k: _text(v) for k, v in request.headers.items() if k not in OFTEN_OTHERS}
        signed = headers.pop("Authorization").split(", Signature=")[0]
        found.append((request.method, request.url, headers, signed))
        raise _SentError

    opened.meta.events.register("before-send", answer)
    try:
        getattr(opened, call)(**words)
    except _SentError:
        return found.pop()
    except BotoCoreError as error:
        return str(error)
    finally:
        opened.meta.events.unregister("before-send", answer)
    raise AssertionError(f"{call} sent nothing")


_IDENTITY = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>LENT</AccessKeyId>
<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2126-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


class _Lender(BaseHTTPRequestHandler):
    """A service of identities that lends a key."""

    def do_POST(self) -> None:
        body = _IDENTITY.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def lender() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Lender) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:9000"])
def test_a_workload_gets_its_keys_from_its_identity(
    endpoint: str | None, lender: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("whoever")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backups")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", lender)
    sent = _sent(S3Settings(endpoint, "eu-central-1"))
    assert all("Credential=LENT/" in signed for *_, signed in sent)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize(
    ("style", "checksums"), [("auto", "when_supported"), ("path", "when_required")]
)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_is_sent_is_what_botocore_sends_with_all_that_it_knows(
    endpoint: str | None,
    style: Any,
    checksums: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        (tmp_path / name).write_text("x")
    wanted = [
        S3Settings(endpoint, region, style, checksums, credentials=tmp_path) for region in REGIONS
    ]
    ours = [_sent(settings) for settings in wanted]
    monkeypatch.setattr(client, "_Loader", lambda _: botocore.loaders.Loader())
    assert ours == [_sent(settings) for settings in wanted]


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-30T21:49:16.000Z",
        "2026-11-30T21:49:16Z",
        "2026-11-30T21:49:16.123456Z",
        "2026-11-30T23:49:16+02:00",
        "Mon, 30 Nov 2026 21:49:16 GMT",
        "20261130T214916Z",
        1796075356,
    ],
)
def test_a_time_is_what_botocore_takes_it_for(said: str | int) -> None:
    assert _moment(said) == parse_timestamp(said)
    assert _moment(said).utcoffset() is not None


def test_a_listing_tells_of_times_with_a_zone() -> None:
    assert _moment("2026-11-30T21:49:16.000Z") == datetime(2026, 11, 30, 21, 49, 16, tzinfo=UTC)


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid timestamp"):
        _moment("2026-11-31T21:49:16Z")
