"""The one spelling of everything that can be taken down, and its digest: two ways to write a value must not be two values."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final, Literal, get_args

from acquisition.sameness.addresses import canonical
from acquisition.sameness.texts import normal_form

Scope = Literal["content", "text", "file", "url", "domain", "author", "source", "item"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
LEAST_LETTERS: Final = 20
"""Texts with a shorter normal form leave no tombstone of their text: "Yes!" is said by many. Their exact content still does."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HOST: Final = r"^[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#@\\]*@)?(?P<host>\[[^\]/?#]*\]|[^/?#:\\]*)"
_AUTHORS: Final = re.compile(r"\s*[;|]\s*")


def digest_of(scope: Scope, value: str) -> str:
    """Return the digest of a value in its one spelling; ValueError where the value is none of its scope.

    `value` is a sha256 for content and file, the text itself for text, else the plain value.
    """
    spelt = spelling(scope, value)
    if scope in {"content", "file"}:
        return spelt
    return digest_as_spelt(spelt)


def spelling(scope: Scope, value: str) -> str:
    """Return the one spelling of a value; ValueError where it is empty or not of its scope."""
    spelt = _spelling(scope, value)
    if not spelt:
        raise ValueError(f"{value[:80]!r} is no {scope}")
    return spelt


def _spelling(scope: Scope, value: str) -> str:
    match scope:
        case "content" | "file":
            found = value.strip().lower().removeprefix("sha256:")
            return found if _SHA256.fullmatch(found) else ""
        case "text":
            return normal_form(value.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
        case "url":
            return canonical(value.strip())
        case "domain":
            return host_name(value)
        case "author":
            return author_name(value)
        case _:
            return value.strip()


def host_name(value: str) -> str:
    """Return a host in lower case and ASCII (IDNA), from a bare name, a name with a port, or an address."""
    plain = value.strip().removeprefix("*.")
    found = re.match(_HOST, plain if "://" in plain else f"http://{plain}", re.ASCII)
    host = found["host"].strip(".").lower() if found else ""
    if host and not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return host if not re.search(r"\s", host) else ""


def author_name(value: str) -> str:
    """Return a name in folded case and compatibility form, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def authors_in(names: str) -> tuple[str, ...]:
    """Return the whole of what names authors, and each one who is named beside others in it."""
    return tuple(dict.fromkeys((names, *_AUTHORS.split(names))))


def digest_as_spelt(spelt: str) -> str:
    """Return the digest of a value that is in its one spelling already."""
    return hashlib.sha256(spelt.encode("utf-8", "surrogatepass")).hexdigest()
