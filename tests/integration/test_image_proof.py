"""What shows an image to be the one its publisher meant: files of checksums, OpenPGP signatures, CernVM's own."""

import base64
import datetime
import gzip
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from hostile_http import HostileServer
from image_cache import disk, noise, sha256, sha512

DATA = disk()
PACKED = gzip.compress(DATA, 1)
HEX256, HEX512 = sha256(PACKED)[7:], sha512(PACKED)[7:]


@pytest.fixture
def server():
    with HostileServer() as running:
        running.serve("/images/disk.img.gz", PACKED)
        yield running


@pytest.fixture
def url(server):
    return server.base + "/images/disk.img.gz"


def file_url(tmp_path, text):
    """As good as https: nobody is on the way."""
    (tmp_path / "SUMS").write_bytes(text if isinstance(text, bytes) else text.encode())
    return f"file://{tmp_path}/SUMS"


OTHER = "0" * 64
SUMS = {
    "GNU": f"{OTHER}  other.img\n{HEX256}  disk.img.gz\n",
    "GNU, binary": f"{HEX256} *disk.img.gz\n{OTHER} *other.img\n",
    "GNU with folders": f"{HEX256}  ./images/disk.img.gz\n",
    "GNU, SHA-512": f"{HEX512}  disk.img.gz\n",
    "GNU, CRLF": f"{OTHER}  other.img\r\n{HEX256}  disk.img.gz\r\n",
    "BSD": f"SHA256 (other.img) = {OTHER}\nSHA256 (disk.img.gz) = {HEX256}\n",
    "BSD, SHA-512": f"# a comment\nSHA512 (disk.img.gz) = {HEX512.upper()}\n",
    "both kinds": f"SHA256 (disk.img.gz) = {HEX256}\nSHA512 (disk.img.gz) = {HEX512}\n",
    "one digest alone": f"{HEX256}\n",
}


@pytest.mark.parametrize("style", SUMS)
def test_checksums_in_the_styles_there_are(cache, url, tmp_path, style):
    pulled = cache.pull(url, "--checksum-url", file_url(tmp_path, SUMS[style]))
    assert cache.content(pulled) == DATA
    assert pulled["pull"]["verified"] in {sha256(PACKED), sha512(PACKED)}


def test_a_wrong_checksum(cache, url, tmp_path):
    assert OTHER in cache.fail(url, "--checksum-url", file_url(tmp_path, f"{OTHER}  disk.img.gz\n"))


@pytest.mark.parametrize("text", ["", "hello\n", f"{HEX256}  other.img\n", f"{HEX256}  xdisk.img.gz\n{OTHER}  a\n",
                                  f"MD5 (disk.img.gz) = {OTHER[:32]}\n", b"\xff\x00" * 500, "<!DOCTYPE html>"])
def test_a_file_that_does_not_list_it(cache, url, tmp_path, text):
    assert "not among the checksums" in cache.fail(url, "--checksum-url", file_url(tmp_path, text))


def test_checksums_that_contradict_each_other(cache, url, tmp_path):
    text = f"{HEX256}  disk.img.gz\n{OTHER}  disk.img.gz\n"
    assert "contradicts" in cache.fail(url, "--checksum-url", file_url(tmp_path, text))


def test_unsigned_checksums_over_plain_http_prove_nothing(cache, server, url):
    sums = server.serve("/SUMS", SUMS["GNU"].encode())
    assert "plain http" in cache.fail(url, "--checksum-url", sums, code=1)
    assert cache.pull(url, "--checksum-url", sums, "--insecure")["result"] == "pulled"


# ---- OpenPGP ----

class Keys:
    def __init__(self, home):
        home.mkdir(mode=0o700)
        self.home = home
        self.ring = home / "ring.gpg"
        self.gpg("--quick-gen-key", "Publisher <p@example.org>", "ed25519", "sign", "never")
        self.ring.write_bytes(self.gpg("--export"))

    def gpg(self, *words, data=b""):
        done = subprocess.run(["gpg", "--homedir", self.home, "--batch", "--quiet", "--passphrase", "", "--pinentry-mode",
                               "loopback", *words], input=data, capture_output=True, check=True, timeout=60)
        return done.stdout

    def end(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False, timeout=20)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    made = Keys(tmp_path_factory.mktemp("gpg") / "home")
    yield made
    made.end()


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    made = Keys(tmp_path_factory.mktemp("gpg2") / "home")
    yield made
    made.end()


def test_signed_checksums(cache, server, url, keys):
    sums = server.serve("/SUMS", SUMS["GNU"].encode())
    signature = server.serve("/SUMS.sig", keys.gpg("--detach-sign", data=SUMS["GNU"].encode()))
    pulled = cache.pull(url, "--checksum-url", sums, "--signature", signature, "--keyring", keys.ring)
    assert "Publisher" in pulled["pull"]["verified"] and HEX256 in pulled["pull"]["verified"]


def test_checksums_signed_in_the_clear(cache, server, url, keys):
    text = keys.gpg("--clearsign", data=SUMS["BSD"].encode())
    pulled = cache.pull(url, "--checksum-url", server.serve("/SUMS", text), "--keyring", keys.ring)
    assert "Publisher" in pulled["pull"]["verified"]


def test_text_outside_the_signature_does_not_count(cache, server, url, keys):
    text = keys.gpg("--clearsign", data=f"{OTHER}  other.img\n".encode()) + SUMS["GNU"].encode()
    cache.fail(url, "--checksum-url", server.serve("/SUMS", text), "--keyring", keys.ring)


def test_a_signed_image(cache, server, url, keys):
    signature = server.serve("/disk.sig", keys.gpg("--armor", "--detach-sign", data=PACKED))
    pulled = cache.pull(url, "--signature", signature, "--keyring", keys.ring)
    assert cache.content(pulled) == DATA and "Publisher" in pulled["pull"]["verified"]


@pytest.mark.parametrize("signed, word", [(b"something else", "BAD signature"), (None, "no valid")])
def test_a_signature_that_does_not_hold(cache, server, url, keys, signed, word):
    signature = server.serve("/disk.sig", keys.gpg("--detach-sign", data=signed) if signed else b"<html>")
    error = cache.fail(url, "--signature", signature, "--keyring", keys.ring)
    assert "does not hold" in error and word in error


def test_a_stranger_signed(cache, server, url, keys, strangers):
    signature = server.serve("/disk.sig", strangers.gpg("--detach-sign", data=PACKED))
    assert "does not hold" in cache.fail(url, "--signature", signature, "--keyring", keys.ring)


def test_no_keyring(cache, server, url, keys):
    signature = server.serve("/disk.sig", keys.gpg("--detach-sign", data=PACKED))
    assert "--keyring" in cache.fail(url, "--signature", signature, code=3)
    assert "/no/such" in cache.fail(url, "--signature", signature, "--keyring", "/no/such", code=3)


# ---- CernVM's embedded signature ----

class Authority:
    def __init__(self, folder, name):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self.build(self.name, self.key.public_key(), is_ca=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def build(self, subject, public_key, is_ca):
        """Long expired: images outlive their certificates."""
        begin = datetime.datetime(2015, 1, 1)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                .serial_number(x509.random_serial_number()).not_valid_before(begin)
                .not_valid_after(begin + datetime.timedelta(days=365))
                .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
                .add_extension(x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False,
                                             data_encipherment=False, key_agreement=False, key_cert_sign=is_ca,
                                             crl_sign=is_ca, encipher_only=False, decipher_only=False), critical=True)
                .sign(self.key, hashes.SHA256()))


def signed_image(authority, data=None, common_name="cvm-sign01.cern.ch", bend=lambda text: text):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "ch"),
                         x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "cern"),
                         x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = authority.build(subject, key.public_key(), is_ca=False).public_bytes(serialization.Encoding.PEM).decode()
    body = (data or noise(300000)) + b'{"version": "4"}'.ljust(32 << 10, b"\n")
    signature = base64.b64encode(key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()
    lines = certificate.replace("\n", "\\n")
    block = f'{{"howto-verify": "take \\"signature\\"",\n "certificate": "{lines}"\n "signature": "{signature}",,\n}}'
    return body + bend(block).encode().ljust(32 << 10, b" ")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "Grid-CA")


def signer(authority, pattern="/DC=ch/DC=cern/CN=cvm-sign*.cern.ch"):
    return ["--signer", pattern, "--signer-ca", authority.file]


def test_an_image_with_its_signature_in_it(cache, server, authority):
    """Its JSON lacks a comma and has one too many, as real ones do."""
    image = signed_image(authority)
    pulled = cache.pull(server.serve("/cvm", image), *signer(authority))
    assert cache.content(pulled) == image
    assert "/DC=ch/DC=cern/CN=cvm-sign01.cern.ch" in pulled["pull"]["verified"]


def broken(authority, tmp_path):
    good = signed_image(authority)
    changed = bytearray(good)
    changed[1000] ^= 1
    yield "another byte", bytes(changed), signer(authority), "not of this image"
    yield "no block", noise(200000), signer(authority), "there is none"
    yield "too small", noise(1000), signer(authority), "too small"
    yield "another's name", signed_image(authority, common_name="evil.example.org"), signer(authority), "allowed is"
    slash = signed_image(authority, common_name="x/CN=cvm-sign01.cern.ch")
    yield "a slash in a name", slash, signer(authority, "/DC=ch/DC=cern/CN=x/CN=cvm-sign*"), "allowed is"
    yield "another CA", signed_image(Authority(tmp_path, "Other-CA")), signer(authority), "certificate"
    yield "no certificate", signed_image(authority, bend=lambda text: text.replace("BEGIN", "BEGUN")), signer(authority), "cert"
    yield "base64", signed_image(authority, bend=lambda text: text.replace('"signature": "', '"signature": "%')), \
        signer(authority), "there is none"


def test_an_embedded_signature_that_does_not_hold(cache, server, authority, tmp_path):
    for name, image, options, word in broken(authority, tmp_path):
        error = cache.fail(server.serve("/cvm", image), *options)
        assert "embedded signature does not hold" in error and word in error, (name, error)


# ---- what was taken without proof before ----

def test_what_came_without_proof_is_fetched_again_when_one_is_asked_for(cache, server, url, keys):
    assert cache.pull(url, "--insecure")["pull"]["verified"] == ""
    signature = server.serve("/disk.sig", keys.gpg("--detach-sign", data=b"something else"))
    done = cache.run("pull", url, "--signature", signature, "--keyring", keys.ring)
    assert done.returncode == 4 and "does not hold" in done.stderr
    for policy in ["always", "metadata"]:
        done = cache.run("pull", url, "--signature", signature, "--keyring", keys.ring, "--cache-only", policy)
        assert done.returncode != 0


def test_stale_is_never_another_image_than_the_checksum_says(cache, server, url):
    cache.pull(url, "--insecure")
    server.resources["/images/disk.img.gz"].status = [(503, {}, b"")] * 9
    done = cache.run("pull", url, "--checksum", sha256(noise(9)), "--tries", 1)
    assert done.returncode == 4 and "503" in done.stderr
