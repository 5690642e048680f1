"""Files that only their bytes pin: what a server's head tells of them, and what it cannot tell."""

from __future__ import annotations

import pytest

from acquisition.fetch.answer import Answer
from acquisition.journal import BlobRecord
from acquisition.pipeline.pinning.standing import verdict

SHA256 = "a" * 64
BARE = BlobRecord("s", "r", "x.csv", SHA256, 10, "2026-01-01T00:00:00Z")
TAGGED = BlobRecord("s", "r", "x.csv", SHA256, 10, "2026-01-01T00:00:00Z", etag='"one"', last_modified="Mon, 05 Jan 2026")
UNPACKED = BlobRecord("s", "r", "x.csv", SHA256, 10, "2026-01-01T00:00:00Z", unwrapped="gzip")


def head(**values: str) -> Answer:
    """Return an answer's head; names with dashes are written with underscores."""
    return Answer(200, {name.replace("_", "-"): [value] for name, value in values.items()})


@pytest.mark.parametrize(
    ("answer", "record", "expected"),
    [
        (head(etag='"one"', content_length="12"), TAGGED, "same"),
        (head(etag='W/"one"'), TAGGED, "same"),
        (head(etag='"two"'), TAGGED, "changed"),
        (head(last_modified="Mon, 05 Jan 2026", content_length="10"), TAGGED, "same"),
        (head(last_modified="Tue, 06 Jan 2026"), TAGGED, "changed"),
        (head(last_modified="Mon, 05 Jan 2026", content_length="11"), TAGGED, "changed"),
        (head(content_length="11"), BARE, "changed"),
        (head(content_length="10"), BARE, ""),
        (head(content_length="0"), BARE, ""),
        (head(content_length="7", content_encoding="gzip"), BARE, ""),
        (head(content_length="7"), UNPACKED, ""),
        (head(), TAGGED, ""),
        (head(etag='"one"'), None, ""),
        (head(repr_digest="sha-256=:qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=:"), None, "same"),
        (head(repr_digest="sha-256=:u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s=:", etag='"one"'), TAGGED, "changed"),
        (Answer(405), TAGGED, ""),
    ],
)
def test_a_head_tells_what_it_can(answer: Answer, record: BlobRecord | None, expected: str) -> None:
    """A digest decides, then the entity tag, then size and time; with none of them it is said why nothing can be told."""
    found = verdict(answer, SHA256, record)
    assert found == expected if expected else found not in {"same", "changed", ""}
