"""In which encoding a body is read: what the server says, then a byte order mark, then the page itself, then its bytes.

Labels are read as browsers read them (WHATWG Encoding Standard section 4.2, by w3lib): "latin1" means cp1252. A label that
nobody knows says nothing.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Final

from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, resolve_encoding

SAMPLE: Final = 16_384
"""Bytes that a detector looks at, when nobody declares anything and the body is no UTF-8."""
_HEAD: Final = 4_096


@dataclass(frozen=True, slots=True)
class Charset:
    """`declared` is the encoding that the server or the page names, "" when neither does; `used` is what it is read as."""

    declared: str
    used: str


def decide(body: bytes, content_type: str = "") -> Charset:
    """Return the encoding of a text body; `content_type` is the header as it came.

    A `meta` element that claims UTF-16 is read as UTF-8: were it true, it could not be read (HTML section 13.2.3.2).
    """
    if named := http_content_type_encoding(content_type) if "=" in content_type else None:
        return Charset(named, named)
    marked, _ = read_bom(body[:4])
    if marked:
        return Charset("", marked)
    if named := html_body_declared_encoding(body[:_HEAD]):
        return Charset(named, "utf-8" if named.startswith("utf-16") else named)
    return Charset("", _guessed(body))


def text_of(body: bytes, charset: str) -> str:
    """Return a body as text without its byte order mark; what cannot be decoded becomes U+FFFD."""
    name = resolve_encoding(charset) or "utf-8"
    for mark, marked in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if body.startswith(mark) and name.startswith(marked):
            name, body = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}.get(mark, name), body[len(mark) :]
            break
    return body.decode(name, "replace")


def _guessed(body: bytes) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return _detected(body[:SAMPLE])
    return "utf-8"


def _detected(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return (resolve_encoding(best.encoding) or "cp1252") if best is not None else "cp1252"
