"""Signatures of bundles: ed25519 (RFC 8032) over SHA256SUMS, with keys as OpenSSL writes them. No service, no certificate.

`openssl genpkey -algorithm ed25519 -out key.pem` makes a key, `openssl pkey -in key.pem -pubout -out public.pem` the half that
is given away, and `openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig` checks.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from acquisition.errors import UsageError

_MOST = 100_000


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key. UsageError when it is none, is of another kind or needs a password."""
    try:
        key = load_pem_private_key(_read(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "private", error) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private", "it is a key of another kind")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key. UsageError when it is none or of another kind."""
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "public", error) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public", "it is a key of another kind")
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MOST)
    except OSError as error:
        raise UsageError(f"the key cannot be read: {error.strerror}", where=str(path)) from error


def _no_key(path: Path, kind: str, why: object) -> UsageError:
    return UsageError(
        f"this is no {kind} ed25519 key in PEM: {why}",
        where=str(path),
        hint="`openssl genpkey -algorithm ed25519 -out key.pem` makes one; a key with a password is not read.",
    )


def sign(key: Ed25519PrivateKey, message: bytes) -> bytes:
    """Return the signature, 64 bytes."""
    return key.sign(message)


def is_signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Say whether a signature is of this key over this message."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the sha256 of the key as DER, by which people compare keys."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
