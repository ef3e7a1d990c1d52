"""https: whom we trust, and that nothing leads from there to plain http."""

import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hostile_http import HostileServer
from image_cache import disk

DATA = disk()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Of 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                       serialization.NoEncryption()))
    return folder


@pytest.fixture
def server(certificate):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    with HostileServer(tls) as running:
        yield running


def test_https_needs_no_more_proof(cache, server, certificate):
    pulled = cache.pull(server.serve("/x", DATA), "--ca-file", certificate / "certificate.pem")
    assert cache.content(pulled) == DATA and pulled["pull"]["verified"] == ""


def test_a_certificate_of_nobody_we_trust(cache, server):
    error = cache.fail(server.serve("/x", DATA), "--tries", 1)
    assert "certificate" in error and "ca_file" in error and not server.sent("/x")


def test_a_ca_file_that_is_not_there(cache, server):
    assert "/no/such" in cache.fail(server.serve("/x", DATA), "--ca-file", "/no/such", "--tries", 1)


def test_https_does_not_lead_to_http(cache, server, certificate):
    with HostileServer() as plain:
        url = server.serve("/x", redirect=plain.serve("/x", DATA))
        error = cache.fail(url, "--ca-file", certificate / "certificate.pem")
        assert "rotocol" in error and not plain.seen
