"""What goes wrong with a store becomes one sentence that says what to do."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from botocore.exceptions import SSLError

from digital_human_backup import locks
from digital_human_backup.errors import BackupError, RefusedError
from digital_human_backup.parallel import each
from digital_human_backup.stores import S3Settings
from digital_human_backup.stores.s3 import S3Store
from digital_human_backup.stores.trouble import explain
from tests.backup import servers
from tests.backup.conftest import new_bucket, settings
from tests.backup.proxy import proxy
from tests.support.loopback import serving
from tools.binaries import binary
from tools.ports import free_port


def refused(store: S3Store) -> str:
    with pytest.raises(RefusedError) as caught:
        store.put("a", b"1")
    with pytest.raises(RefusedError, match=r".") as listed:
        list(store.list(""))
    assert str(listed.value) == str(caught.value)
    return str(caught.value)


def test_a_bucket_that_is_not_there(gateway: str, credentials: Path) -> None:
    told = refused(S3Store("no-such-bucket", "", settings(gateway, credentials)))
    assert told == (
        f"The bucket no-such-bucket does not exist at {gateway}: create it, or name another."
    )


def test_a_key_that_the_service_does_not_know(gateway: str, tmp_path: Path) -> None:
    folder = servers.credentials(tmp_path / "s3", access="nobody")
    told = refused(S3Store(new_bucket(gateway), "", settings(gateway, folder)))
    assert told == f"{gateway} does not know the access key: check the Secret."


def test_a_wrong_secret(gateway: str, tmp_path: Path) -> None:
    folder = servers.credentials(tmp_path / "s3", secret="wrong-wrong-wrong")
    told = refused(S3Store(new_bucket(gateway), "", settings(gateway, folder)))
    assert told == f"{gateway} refuses the signature: check the secret key and the region."


def test_a_user_without_rights(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.mkdir()
    with servers.versitygw(tmp_path, "--iam-dir", str(users)) as address:
        admin = [str(binary("versitygw")), "admin", "--access", servers.ACCESS]
        admin += ["--secret", servers.SECRET, "--endpoint-url", address]
        user = ["--access", "poor", "--secret", "poor-secret", "--role", "user"]
        subprocess.run([*admin, "create-user", *user], check=True, stdout=subprocess.DEVNULL)
        folder = servers.credentials(tmp_path / "s3", "poor", "poor-secret")
        store = S3Store(bucket := new_bucket(address), "", settings(address, folder))
        assert refused(store).startswith(f"{address} denies access to the bucket {bucket}: the")


def test_the_region_of_a_bucket_is_found(gateway: str, credentials: Path) -> None:
    store = S3Store(new_bucket(gateway), "", settings(gateway, credentials, region="eu-west-9"))
    store.put("a", b"1")
    assert store.get("a", 1) == b"1"


def test_a_service_that_sends_everybody_elsewhere(gateway: str, credentials: Path) -> None:
    with proxy(gateway) as (address, faults):
        faults.always = (301, "PermanentRedirect")
        told = refused(S3Store("some-bucket", "", settings(address, credentials)))
    assert told == f"{address} sends every request elsewhere: check --endpoint and --region."


def test_a_service_that_does_not_answer(credentials: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    store = S3Store("some-bucket", "", settings(address, credentials, tries=2))
    with pytest.raises(BackupError, match=rf"{address} does not answer .*check --endpoint") as told:
        store.put("a", b"1")
    assert told.value.exit_code == 1


def test_no_credentials_at_all(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    store = S3Store("some-bucket", "", S3Settings(endpoint=gateway, region="us-east-1"))
    assert refused(store).startswith(f"There are no credentials for {gateway}: name a folder")


def test_a_folder_of_credentials_that_lacks_one(gateway: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="AWS_ACCESS_KEY_ID cannot be read: --s3-credentials"):
        S3Store("some-bucket", "", settings(gateway, tmp_path))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2"]
    words += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(words, check=True, capture_output=True)
    return key, cert


@pytest.fixture
def tls_gateway(certificate: tuple[Path, Path], tmp_path: Path) -> Iterator[str]:
    options = ["--key", str(certificate[0]), "--cert", str(certificate[1])]
    with servers.versitygw(tmp_path, *options, scheme="https") as address:
        (tmp_path / "buckets" / "some-bucket").mkdir()
        yield address


def test_a_certificate_of_ones_own(
    tls_gateway: str, certificate: tuple[Path, Path], credentials: Path
) -> None:
    told = refused(S3Store("some-bucket", "", settings(tls_gateway, credentials)))
    assert "is not trusted: name the file of its authority with --s3-ca-file, or a Secr" in told
    trusting = settings(tls_gateway, credentials, ca_file=certificate[1])
    store = S3Store("some-bucket", "", trusting)
    store.put("a", b"1")
    assert store.get("a", 1) == b"1"


def test_a_certificate_for_another_name(
    tls_gateway: str, certificate: tuple[Path, Path], credentials: Path
) -> None:
    address = tls_gateway.replace("127.0.0.1", "localhost")
    told = refused(S3Store("b-1", "", settings(address, credentials, ca_file=certificate[1])))
    assert told.startswith(f"The certificate of {address} is for another name (")
    assert told.endswith("): correct --endpoint, or the certificate.")


def test_a_certificate_whose_time_is_over(tmp_path: Path, credentials: Path) -> None:
    with pytest.raises(RefusedError, match=r"of x is no more valid: have it renewed"):
        raise explain(SSLError(endpoint_url="x", error=expired()), "b", "x")


def expired() -> Exception:
    """As Python's ssl raises it."""
    found = ssl.SSLCertVerificationError(1, "certificate verify failed: certificate has expired")
    found.verify_code, found.verify_message = 10, "certificate has expired"
    return found


def test_a_service_without_tls(gateway: str, credentials: Path) -> None:
    address = gateway.replace("http:", "https:")
    told = refused(S3Store("some-bucket", "", settings(address, credentials)))
    assert told == f"{address} speaks no TLS: write http: in --endpoint, or name another port."


@pytest.mark.parametrize("left", [None, "no certificate"])
def test_certificates_that_cannot_be_read(
    left: str | None, gateway: str, credentials: Path, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    if left is not None:
        file.write_text(left)
    with pytest.raises(RefusedError, match=r"ca.pem holds no certificate .*: check --s3-ca-file"):
        S3Store("some-bucket", "", settings(gateway, credentials, ca_file=file))


def test_settings_of_aws_that_are_wrong(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(RefusedError, match=r"cannot be set up .*nobody.*: check the settings of"):
        S3Store("some-bucket", "", S3Settings(endpoint=gateway, region="us-east-1"))


class Page(BaseHTTPRequestHandler):
    """Not S3 at all."""

    status, text = 200, b""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.text)))
        self.end_headers()
        self.wfile.write(self.text)

    do_GET = do_PUT = _answer  # noqa: N815 - http.server's names


@contextlib.contextmanager
def page(status: int, text: bytes) -> Iterator[str]:
    """A server that always answers the same."""
    words = {"status": status, "text": text}
    with serving(type("SomePage", (Page,), words)) as address:
        yield address


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, b"<html><body>Log in</body></html>"),
        (404, b"<html><body>no such page</body></html>"),
        (501, b"Unsupported method"),
        (405, b""),
    ],
    ids=["page", "missing", "unsupported", "empty"],
)
def test_a_service_that_is_not_s3(status: int, text: bytes, credentials: Path) -> None:
    """A page is no empty bucket."""
    with page(status, text) as address:
        store = S3Store("some-bucket", "", settings(address, credentials, tries=1))
        told = rf"{address} does not answer as S3 does \(.+\): check --endpoint"
        with pytest.raises(RefusedError, match=told):
            list(store.list("humans/"))
        if status > 404:
            with pytest.raises(RefusedError, match=told):
                store.put("a", b"1")


def test_a_page_of_what_stands_before_the_service_may_pass(credentials: Path) -> None:
    with page(502, b"<html><body>Bad gateway</body></html>") as address:
        store = S3Store("some-bucket", "", settings(address, credentials, tries=1))
        with pytest.raises(BackupError, match=r"failed with 502 .*: try again") as told:
            list(store.list("humans/"))
    assert told.value.exit_code == 1


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (400, "ExpiredToken", "credentials for .* have expired: renew them"),
        (403, "RequestTimeTooSkewed", "clock of this machine is wrong.*NTP"),
        (501, "NotImplemented", "lacks something that backups need .said so.*If-None-Match"),
        (400, "InvalidToken", "session token .* is not valid"),
    ],
)
def test_what_the_service_says(
    gateway: str, credentials: Path, status: int, code: str, sentence: str
) -> None:
    with proxy(gateway) as (address, faults):
        store = S3Store(new_bucket(gateway), "", settings(address, credentials))
        faults.errors.append((status, code))
        with pytest.raises(RefusedError, match=sentence):
            store.put("a", b"1")


def test_a_service_that_asks_to_slow_down_is_asked_again(gateway: str, credentials: Path) -> None:
    with proxy(gateway) as (address, faults):
        store = S3Store(new_bucket(gateway), "", settings(address, credentials))
        faults.errors += [(503, "SlowDown"), (500, "InternalError")]
        store.put("a", b"1")
        assert len(faults.requests) == 3
        faults.always = (503, "SlowDown")
        with pytest.raises(BackupError, match=r"failed with SlowDown .*: try again") as told:
            store.put("b", b"1")
        assert told.value.exit_code == 1


def test_an_answer_that_breaks_off_is_read_again(gateway: str, credentials: Path) -> None:
    with proxy(gateway) as (address, faults):
        store = S3Store(new_bucket(gateway), "", settings(address, credentials))
        store.put("a", b"12345678")
        faults.cut = 2
        assert store.get("a", 8) == b"12345678"
        faults.cut = 3
        with pytest.raises(BackupError, match="does not answer"):
            store.get("a", 8)


def test_a_listing_that_breaks_off_is_an_error(gateway: str, credentials: Path) -> None:
    with proxy(gateway) as (address, faults):
        bucket = new_bucket(gateway)
        direct = S3Store(bucket, "", settings(gateway, credentials))
        each(lambda number: direct.put(f"a/{number:04}", b""), range(1001), 8)
        faults.at = lambda number, method, path: setattr(faults, "always", (500, "InternalError"))
        store = S3Store(bucket, "", settings(address, credentials))
        with pytest.raises(BackupError, match="failed with InternalError"):
            list(store.list("a/"))


@pytest.mark.parametrize("mode", ["when_supported", "when_required"])
def test_checksums_are_as_told(moto: str, credentials: Path, mode: str) -> None:
    with proxy(moto) as (address, faults):
        store = S3Store(new_bucket(moto), "", settings(address, credentials, checksums=mode))
        store.put("a", b"1")
        assert store.get("a", 1) == b"1"
        assert len(faults.requests) == 2


@pytest.mark.parametrize("digest", ["", hashlib.sha256(b"12345678").hexdigest()])
@pytest.mark.parametrize("mode", ["when_supported", "when_required"])
def test_what_was_changed_on_the_way_is_not_taken(
    gateway: str, credentials: Path, mode: str, digest: str
) -> None:
    with proxy(gateway) as (address, faults):
        given = settings(address, credentials, checksums=mode)
        store = S3Store(new_bucket(gateway), "", given)
        faults.spoil = 1
        with pytest.raises(BackupError, match=r"failed with \w+ .*: try again"):
            store.put("a", b"12345678", digest=digest)
        assert list(store.list("")) == []
        store.put("a", b"12345678", digest=digest)
        assert store.get("a", 8) == b"12345678"


def test_another_digest_than_that_of_the_data_is_not_taken(gateway: str, credentials: Path) -> None:
    store = S3Store(new_bucket(gateway), "", settings(gateway, credentials))
    with pytest.raises(BackupError):
        store.put("a", b"12345678", digest=hashlib.sha256(b"").hexdigest())


def test_encryption_by_the_service(moto: str, credentials: Path) -> None:
    bucket = new_bucket(moto)
    given = settings(moto, credentials, sse="aws:kms", sse_key_id="some-key")
    S3Store(bucket, "", given).put("a", b"1")
    with contextlib.closing(servers.client(moto)) as client:
        head = client.head_object(Bucket=bucket, Key="a")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "some-key")


@pytest.mark.parametrize("kind", ["write", "sweep"])
def test_a_service_that_ignores_conditions_is_found_out(
    moto: str, credentials: Path, kind: locks.Kind
) -> None:
    with proxy(moto) as (address, faults):
        faults.dropped = frozenset({"if-none-match"})
        store = S3Store(new_bucket(moto), "b", settings(address, credentials))
        store.put("a/manifest", b"first", new=True)
        store.put("a/manifest", b"second", new=True)  # it says that this went well
        told = rf"{store.where} replaces objects .*\(If-None-Match\): use a service with"
        with pytest.raises(RefusedError, match=told), locks.locked(store, "uid-1", kind):
            pytest.fail("work began")
        assert list(store.list("humans/")) == []
        faults.dropped = frozenset()
        with locks.locked(store, "uid-1", kind):
            assert len(list(store.list("humans/uid-1/locks/"))) == 1
