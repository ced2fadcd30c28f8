"""Encrypted connections to Audio2Face, and those of NVIDIA's cloud, which ask for a key."""

import datetime
import ipaddress
import logging
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from digital_human_runtime.engines.face.audio2face import Audio2Face
from digital_human_runtime.engines.face.audio2face.cloud import Cloud
from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import FaceOptions

from .conformance import frames, vowels
from .service import served

FUNCTION = "8efc55f5-6f00-424e-afe9-26212cd2c630"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[bytes, bytes]:
    """A key and a certificate of 127.0.0.1 that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "audio2face")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return private, built.public_bytes(pem)


async def test_tls_trusts_the_authority_of_its_file_and_no_other(
    tmp_path: Path, certificate: tuple[bytes, bytes]
) -> None:
    (tmp_path / "ca.crt").write_bytes(certificate[1])
    async with served(grpc.ssl_server_credentials([certificate])) as service:
        face = Audio2Face(service.address, tls=True, ca_file=tmp_path / "ca.crt")
        await face.start()
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        assert len(await frames(stream, [vowels(16000, 1.0)])) == 30
        await face.close()
        stranger = Audio2Face(service.address, tls=True, patience=1.0)
        with pytest.raises(EngineFault, match="cannot be reached"):
            await stranger.start()
        await stranger.close()


async def test_the_cloud_is_told_the_function_and_the_key(
    tmp_path: Path, certificate: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "ca.crt").write_bytes(certificate[1])
    (tmp_path / "key").write_text("nvapi-first\n")
    wanted = {"function-id": FUNCTION, "authorization": "Bearer nvapi-first"}
    credentials = grpc.ssl_server_credentials([certificate])
    async with served(credentials, demands=wanted) as service:
        cloud = Cloud(FUNCTION, tmp_path / "key")
        face = Audio2Face(
            service.address, tls=True, ca_file=tmp_path / "ca.crt", cloud=cloud, patience=1.0
        )
        await face.start()
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        assert len(await frames(stream, [vowels(16000, 1.0)])) == 30
        wanted["authorization"] = "Bearer nvapi-second"
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        # gRPC says INTERNAL instead when the refusal comes in the middle of a write.
        with pytest.raises(EngineFault, match=r"broke off: (UNAUTHENTICATED|INTERNAL)"):
            await frames(stream, [vowels(16000, 1.0)])
        (tmp_path / "key").write_text("nvapi-second\n")  # the key was rotated
        await face.start()
        stream = await face.open(sample_rate=16000, options=FaceOptions())
        assert len(await frames(stream, [vowels(16000, 1.0)])) == 30
        await face.close()
    assert "nvapi" not in caplog.text
    assert "nvapi" not in repr(cloud)


async def test_a_wrong_key_is_said_at_the_start(
    tmp_path: Path, certificate: tuple[bytes, bytes]
) -> None:
    (tmp_path / "ca.crt").write_bytes(certificate[1])
    (tmp_path / "key").write_text("nvapi-wrong")
    credentials = grpc.ssl_server_credentials([certificate])
    async with served(credentials, demands={"authorization": "Bearer nvapi-right"}) as service:
        face = Audio2Face(
            service.address,
            tls=True,
            ca_file=tmp_path / "ca.crt",
            cloud=Cloud(FUNCTION, tmp_path / "key"),
        )
        with pytest.raises(EngineFault, match="UNAUTHENTICATED") as caught:
            await face.start()
        await face.close()
    assert "nvapi" not in caught.value.message


@pytest.mark.parametrize(
    ("written", "sentence"),
    [(None, "cannot be read"), ("", "holds no key"), ("one\ntwo", "other than one key")],
)
def test_a_key_file_without_a_key_is_named(
    tmp_path: Path, written: str | None, sentence: str
) -> None:
    if written is not None:
        (tmp_path / "key").write_text(written)
    with pytest.raises(EngineFault, match=sentence) as caught:
        Cloud(FUNCTION, tmp_path / "key").metadata()
    assert str(tmp_path / "key") in caught.value.message
    assert "two" not in caught.value.message
