"""A loopback server that says whatever a test wants, byte for byte, for as long as the client listens."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PATIENCE = 20.0
"""Seconds after which every connection ends by itself, whatever a test forgot."""
_LARGEST_HEAD = 65_536
OK = b"HTTP/1.1 200 OK\r\n"


class Gone(Exception):
    """The client has hung up, or the server is being closed."""


@dataclass
class Peer:
    """One connection as an attack sees it: the request's head, and what can be done to who sent it."""

    connection: socket.socket
    closing: threading.Event
    request: bytes = b""
    sent: int = 0
    keep: bool = False

    def send(self, data: bytes) -> None:
        """Send bytes; Gone when nobody takes them."""
        try:
            self.connection.sendall(data)
        except OSError:
            raise Gone from None
        self.sent += len(data)
        if self.closing.is_set():
            raise Gone

    def wait(self, seconds: float) -> None:
        """Wait, at most until the server is closed."""
        if self.closing.wait(seconds):
            raise Gone

    def hang_up_rudely(self) -> None:
        """End the connection with a reset instead of an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def answer(self, body: bytes = b"", status: str = "200 OK", *headers: str) -> None:
        """Send a whole and proper answer and wait for the next request."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + body)
        self.keep = True


Attack = Callable[[Peer], None]


def says(*parts: bytes) -> Attack:
    """Return an attack that says these bytes and hangs up."""

    def attack(peer: Peer) -> None:
        for part in parts:
            peer.send(part)

    return attack


def forever(head: bytes, part: bytes, pause: float = 0.0) -> Attack:
    """Return an attack that says the head and then the same bytes for ever."""

    def attack(peer: Peer) -> None:
        peer.send(head)
        while True:
            peer.send(part)
            if pause:
                peer.wait(pause)

    return attack


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@dataclass
class Hostile:
    """A running server: what it does at which path, what it was asked, and how much of an attack was taken."""

    attacks: dict[str, Attack] = field(default_factory=dict)
    heads: list[bytes] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    url: str = ""
    port: int = 0
    threads: list[threading.Thread] = field(default_factory=list)
    fingerprint: str = ""

    def serve(self, peer: Peer) -> None:
        """Answer one connection until an attack ends it."""
        while True:
            peer.keep = False
            peer.request = _read_head(peer)
            self.heads.append(peer.request)
            path = peer.request.split(b" ")[1].decode("latin-1")
            try:
                self.attacks.get(path, _not_here)(peer)
            finally:
                self.taken[path] = self.taken.get(path, 0) + peer.sent
            if not peer.keep:
                return


def _not_here(peer: Peer) -> None:
    peer.answer(b"not here", "404 Not Found")


def _read_head(peer: Peer) -> bytes:
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        try:
            byte = peer.connection.recv(1)
        except OSError:
            raise Gone from None
        if not byte or (not head and not byte.isalpha()) or len(head) > _LARGEST_HEAD:
            raise Gone  # TLS, for one
        head += byte
    return bytes(head)


@contextmanager
def hostile(attacks: dict[str, Attack], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    """Run a server on a free port of a loopback address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family, backlog=64)
    server = Hostile(dict(attacks), port=listener.getsockname()[1])
    shown = f"[{host}]" if ":" in host else host
    server.url = f"http{'s' if tls else ''}://{shown}:{server.port}"
    closing = threading.Event()
    acceptor = threading.Thread(target=_accept, args=(listener, server, closing, tls), daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        closing.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *server.threads):
            thread.join(1.0)


def _accept(listener: socket.socket, server: Hostile, closing: threading.Event, tls: ssl.SSLContext | None) -> None:
    while not closing.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        serving = threading.Thread(target=_serve, args=(connection, server, closing, tls), daemon=True)
        server.threads.append(serving)
        serving.start()


def _serve(connection: socket.socket, server: Hostile, closing: threading.Event, tls: ssl.SSLContext | None) -> None:
    connection.settimeout(PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(Gone, OSError):
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        server.serve(Peer(connection, closing))
    connection.close()


# --- TLS ---


@dataclass
class Authority:
    """A certificate authority of one's own, trusted by whoever is told its file."""

    file: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def authority(folder: Path) -> Authority:
    """Make an authority whose certificate lies in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = _named("Test Authority"), datetime.now(UTC)
    draft = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    draft = draft.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=9))
    draft = draft.not_valid_after(now + timedelta(days=9)).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    certificate = draft.sign(key, hashes.SHA256())
    file = folder / "authority.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return Authority(file, certificate, key)


@contextmanager
def tls_server(
    signer: Authority, folder: Path, name: str, attacks: dict[str, Attack], *, expired: bool = False, alpn: Sequence[str] = ()
) -> Iterator[Hostile]:
    """Run a server on 127.0.0.1 with a certificate for a name, signed by the authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    draft = x509.CertificateBuilder().subject_name(_named(name)).issuer_name(signer.certificate.subject)
    draft = draft.public_key(key.public_key()).serial_number(x509.random_serial_number())
    draft = draft.not_valid_before(now - timedelta(days=3)).not_valid_after(now + timedelta(days=-1 if expired else 1))
    draft = draft.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    certificate = draft.sign(signer.key, hashes.SHA256())
    file = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.set_alpn_protocols([*alpn])
    with hostile(attacks, tls=context) as server:
        server.fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
        yield server
