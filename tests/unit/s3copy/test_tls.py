"""Requests go over TLS, and only to a server whose certificate is trusted."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.pretend_s3 import PretendS3, in_thread
from include.errors import PreconditionError
from tests.unit.s3copy.s3_worlds import copied, etags


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 and its key, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pretend")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.fixture
def s3() -> PretendS3:
    s3 = PretendS3()
    for number in range(100):
        s3.put("core-data", f"new/{number}", 10)
    return s3


@pytest.fixture
def url(s3: PretendS3, certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with in_thread(s3, context) as url:
        yield url


def test_copies_over_tls(s3: PretendS3, url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    assert url.startswith("https://")
    assert copied(url).copied == 100
    assert etags(s3, "live/") == etags(s3, "new/")


def test_refuses_a_server_it_does_not_know(s3: PretendS3, url: str):
    with pytest.raises(PreconditionError, match="certificate verify failed"):
        copied(url, tries=2)
    assert not s3.count
