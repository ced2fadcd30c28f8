"""Kubeconfigs for the node's programs: each has a name and rights of its own, as in any cluster."""

import base64
import datetime
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tools.cluster.errors import ClusterError
from tools.cluster.tokens import write_private

_LIFE = datetime.timedelta(days=365)


def write_kubeconfig(
    admin: Path, pki: Path, user: str, groups: tuple[str, ...], path: Path
) -> None:
    """Write a kubeconfig for a user whom the cluster's own authority certifies."""
    certificate, key = _certify(pki, user, groups)
    config = yaml.safe_load(admin.read_text())
    for entry in config["users"]:
        entry["user"] = {
            "client-certificate-data": base64.b64encode(certificate).decode(),
            "client-key-data": base64.b64encode(key).decode(),
        }
    write_private(path, yaml.safe_dump(config))


def _certify(pki: Path, user: str, groups: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return a certificate and its key: the name is the user's, organizations are the groups."""
    # The authority's own certificate has the serial number 0, which is not read for much longer.
    authority = x509.load_pem_x509_certificate((pki / "admin.crt").read_bytes()).issuer
    signer = load_pem_private_key((pki / "ca.key").read_bytes(), password=None)
    if not isinstance(signer, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ClusterError(f"{pki / 'ca.key'} is no key that certificates are signed with.")
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    names.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(authority)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .add_extension(usage, critical=False)
        .sign(signer, hashes.SHA256())
    )
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(*form)
