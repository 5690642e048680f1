"""What is kept of an exchange to find it again: where it lies, where its body lies, and what tells whether that has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from acquisition.crawl.archive.scan import Exchange, Member, header_lines, place_of
from acquisition.crawl.archive.warc import REVISIT_MIME, bare_mime
from acquisition.crawl.contract import HeaderLines, Place

RETRIED: Final = frozenset({408, 425, 429})
_LONGEST_VALIDATOR: Final = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange. `place` is its own record, `body` where its body lies; they differ for a revisit.

    `length` and `mime` are those of its record as an index of captures has them.
    """

    url: str
    kind: str
    method: str
    place: Place
    body: Place
    bytes: int
    sha256: str
    digest: str
    etag: str
    last_modified: str
    length: int
    mime: str | None

    @property
    def unchanged(self) -> bool:
        """Say whether it brought what an earlier response had brought."""
        return self.place != self.body


def row_of(exchange: Exchange, file: str) -> Row:
    """Return the row of an exchange that was read from a file."""
    facts, fields = exchange.facts, exchange.response.fields
    etag, last_modified = validators_of(header_lines(exchange.response))
    return Row(
        url=exchange.url,
        kind=exchange.kind,
        method=str(facts.get("method", "GET")),
        place=place_of(file, exchange.response),
        body=exchange.body_place(file),
        bytes=int(facts.get("bytes", 0)),
        sha256=str(facts.get("sha256", "")),
        digest=fields.get("warc-payload-digest", ""),
        etag=etag,
        last_modified=last_modified,
        length=exchange.response.end - exchange.response.start,
        mime=capture_mime(exchange.response),
    )


def capture_mime(member: Member) -> str | None:
    """Return what an index of captures calls a response or revisit record, None when it declares no media type."""
    if member.kind == "revisit":
        return REVISIT_MIME
    declared = next((value for name, value in header_lines(member) if name.lower() == "content-type"), None)
    return bare_mime(declared) if declared is not None else None


def validators_of(headers: HeaderLines) -> tuple[str, str]:
    """Return ETag and Last-Modified, "" for what is missing, too long or not in visible ASCII (RFC 9110 section 8.8)."""
    found = {"etag": "", "last-modified": ""}
    for name, value in headers:
        lowered = name.lower()
        if found.get(lowered) == "" and len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable():
            found[lowered] = value
    return found["etag"], found["last-modified"]


def worth_keeping(row: Row) -> bool:
    """Say whether an answer settles its question: errors that may pass do not."""
    return row.method == "GET" and row.place.status < 500 and row.place.status not in RETRIED
