"""What a server's answer head says. Pure: header lines in, facts out; anything malformed counts as absent."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from acquisition.model import Digest

_CONTENT_RANGE: Final = re.compile(r"\s*bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)\s*", re.ASCII | re.IGNORECASE)
_STATUS: Final = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})(?:\D|$)")
_FIELD: Final = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*([^\r\n]*?)[ \t\r]*$", re.MULTILINE)
_KNOWN: Final[dict[bytes, tuple[str, str]]] = {}
"""Lines that were read before: a server says most of its lines again and again."""
_KNOWN_LINES: Final = 512
_KNOWN_LENGTH: Final = 200
_STATUS_LINE: Final = ":status"
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_HEX: Final = re.compile(r"[0-9a-f]+", re.ASCII)
_URL_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
_LENGTHS: Final = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64, "crc32c": 4}
_DIGEST_HEADERS: Final = frozenset(["x-goog-hash", "digest", "repr-digest", "content-digest", "content-md5", "x-linked-etag"])
_PLAIN_URL: Final = re.compile(r"https?://[a-z0-9.:-]+/[A-Za-z0-9/._~%-]*", re.ASCII)
_HASH_NAMES: Final = {"md5": "md5", "crc32c": "crc32c", "sha": "sha1", "sha-256": "sha256", "sha-512": "sha512"}


@dataclass(slots=True)
class Answer:
    """Status and headers of one answer; names are lower case, repeated headers keep their order."""

    status: int = 0
    headers: dict[str, list[str]] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return a header's first value, "" if it is absent."""
        values = self.headers.get(name)
        return values[0] if values else ""

    @property
    def etag(self) -> str:
        """The entity tag as sent, "" if there is none that can be one."""
        tag = self.get("etag")
        return tag if _ETAG.fullmatch(tag) else ""

    @property
    def length(self) -> int | None:
        """Content-Length, None if absent or malformed."""
        value = self.get("content-length")
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else None

    @property
    def encoding(self) -> str:
        """The content coding that was applied although none was asked for, "" for none."""
        coding = self.get("content-encoding").strip().lower()
        return "" if coding == "identity" else coding

    @property
    def media_type(self) -> str:
        """Content-Type without parameters, lower case."""
        return self.get("content-type").split(";", 1)[0].strip().lower()

    @property
    def ranges(self) -> bool:
        """Whether the server says that it serves ranges of bytes."""
        return self.get("accept-ranges").strip().lower() == "bytes"

    @property
    def content_range(self) -> tuple[int, int, int | None] | None:
        """(first, last, total) of a partial answer, total None for "*"; None if the header is absent or malformed."""
        match = _CONTENT_RANGE.fullmatch(self.get("content-range"))
        if match is None or match[1] is None:
            return None
        first, last, total = int(match[1]), int(match[2]), None if match[3] == "*" else int(match[3])
        return (first, last, total) if first <= last and (total is None or last < total) else None

    @property
    def unsatisfied_total(self) -> int | None:
        """The full size that a 416 tells ("bytes */1234")."""
        match = _CONTENT_RANGE.fullmatch(self.get("content-range"))
        return int(match[3]) if match and match[1] is None and match[3] != "*" else None

    @property
    def validator(self) -> str:
        """What If-Range may carry: a strong entity tag, or a Last-Modified that RFC 9110 §8.8.2.2 calls strong; else ""."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        if self.etag:
            return ""
        modified, date = unix_time(self.get("last-modified")), unix_time(self.get("date"))
        return self.get("last-modified") if modified is not None and date is not None and date - modified >= 1 else ""

    def digests(self) -> tuple[Digest, ...]:
        """Return the digests that the server gives for the whole file as stored (not for this part or coding of it).

        x-goog-hash; Digest (RFC 3230) and Repr-Digest (RFC 9530); X-Linked-Etag of the Hugging Face Hub; Content-MD5 and
        Content-Digest speak of the body alone, so they count on a 200 only.
        """
        if self.headers.keys().isdisjoint(_DIGEST_HEADERS):
            return ()
        found: list[Digest | None] = []
        # Google unpacks what was stored packed; the hash is then of the packed form, which did not come.
        stored = self.get("x-goog-stored-content-encoding").strip().lower()
        for value in self.headers.get("x-goog-hash", ()) if stored in ("", "identity") else ():
            found += [_from_base64(*pair.partition("=")[::2]) for pair in value.split(",")]
        for name in ("digest", "repr-digest", *(("content-digest",) if self.status == 200 else ())):
            for value in self.headers.get(name, ()):
                found += [_from_base64(*pair.partition("=")[::2]) for pair in value.split(",")]
        if self.status == 200:
            found.append(_from_base64("md5", self.get("content-md5")))
        found.append(self.linked_digest)
        return tuple(dict.fromkeys(digest for digest in found if digest is not None))

    @property
    def linked_digest(self) -> Digest | None:
        """The digest of the file that a redirect leads to, as the Hugging Face Hub gives it (X-Linked-Etag)."""
        return _from_linked_etag(self.get("x-linked-etag"))


def _from_base64(name: str, value: str) -> Digest | None:
    algorithm = _HASH_NAMES.get(name.strip().lower())
    text = value.strip()
    if text.startswith(":") and text.endswith(":") and len(text) > 1:  # a byte sequence of structured fields (RFC 8941)
        text = text[1:-1]
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if algorithm is None or len(raw) != _LENGTHS[algorithm]:
        return None
    return Digest(algorithm, raw.hex())  # type: ignore[arg-type]  # _HASH_NAMES holds only names that Digest accepts


def _from_linked_etag(value: str) -> Digest | None:
    text = value.strip().removeprefix("W/").strip('"').lower()
    if not _HEX.fullmatch(text):
        return None
    return {64: Digest("sha256", text), 40: Digest("git-sha1", text)}.get(len(text))


def read_head(lines: Iterable[bytes]) -> Answer:
    """Return the last answer head among header lines (interim 1xx heads come before it); status 0 if there is none."""
    answer = Answer()
    for line in lines:
        name, value = _KNOWN.get(line) or _read_line(line)
        if name == _STATUS_LINE:
            answer = Answer(int(value))
        elif name:
            answer.headers.setdefault(name, []).append(value)
    return answer


def _read_line(line: bytes) -> tuple[str, str]:
    """Return a header line's name, in lower case, and value; the status of a status line; both "" for anything else."""
    if line.startswith(b"HTTP/"):
        match = _STATUS.match(line)
        field = (_STATUS_LINE, match[1].decode() if match else "0")
    else:
        found = _FIELD.match(_text(line))
        field = (found[1].lower(), found[2]) if found else ("", "")
    if len(line) <= _KNOWN_LENGTH:
        if len(_KNOWN) >= _KNOWN_LINES:
            _KNOWN.clear()
        _KNOWN[line] = field
    return field


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def unix_time(http_date: str) -> float | None:
    """Return an HTTP date as Unix time, None if it is none."""
    if not http_date:
        return None
    try:
        return parsedate_to_datetime(http_date).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def wire_url(url: str) -> str:
    """Return a URL in the form that goes over the wire: spaces and letters percent-encoded, host in ASCII, no fragment.

    Raises ValueError if the URL cannot be read.
    """
    if _PLAIN_URL.fullmatch(url):
        return url
    parts = urlsplit(url.strip())
    netloc = parts.netloc
    if not netloc.isascii():
        port = f":{parts.port}" if parts.port is not None else ""
        netloc = (parts.hostname or "").encode("idna").decode("ascii") + port
    path, query = (quote(text, safe=_URL_SAFE) for text in (parts.path or "/", parts.query))
    return urlunsplit(parts._replace(netloc=netloc, path=path, query=query, fragment=""))


def redirect_target(base: str, location: str) -> str:
    """Return the absolute URL that a Location header leads to; ValueError if it cannot be read."""
    return wire_url(urljoin(base, location.strip()))
