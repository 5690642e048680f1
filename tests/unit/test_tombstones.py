"""Tombstones: what has left is recognised by digest in every dress, and the file of them is whole, old or named."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.errors import WorkspaceDamaged
from acquisition.model import ITEM_SCHEMA
from acquisition.tombstones import (
    NONE,
    SCOPES,
    Scope,
    Tombstone,
    Tombstones,
    append_tombstones,
    digest_of,
    host_name,
    read_tombstones,
)

TEXT = "The owl of the northern pond calls three times before it sleeps."


def sha(text: str) -> str:
    """The sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def items(**columns: list[Any]) -> pa.RecordBatch:
    """Rows of ITEM_SCHEMA; what is not given is empty."""
    count = len(next(iter(columns.values())))
    empty = {field.name: None if field.nullable else 0 if field.name == "size" else "" for field in ITEM_SCHEMA}
    told = {name: columns.get(name, [value] * count) for name, value in empty.items()}
    return pa.RecordBatch.from_pydict(told, schema=ITEM_SCHEMA)


def stone(scope: Scope, value: str, **more: str) -> Tombstone:
    """A tombstone of a value."""
    host = digest_of("domain", host_name(value)) if scope == "url" else ""
    return Tombstone(scope, digest_of(scope, value), host=host, **more)


def taken(stones: list[Tombstone], batch: pa.RecordBatch) -> list[bool]:
    """Which rows of a batch fall under tombstones."""
    found: list[bool] = Tombstones(stones).mask(batch).to_pylist()
    return found


def test_content_file_and_source_are_compared_as_they_are() -> None:
    """The digest of the content, that of the file, and the source's name decide; neighbours stay."""
    batch = items(content_sha256=[sha("a"), sha("b"), sha("c")], blob=[sha("x"), sha("y"), sha("x")], source=["s", "t", "u"])
    assert taken([stone("content", sha("b"))], batch) == [False, True, False]
    assert taken([stone("file", f"sha256:{sha('x').upper()}")], batch) == [True, False, True]
    assert taken([stone("source", "u")], batch) == [False, False, True]
    assert taken([], batch) == [False, False, False]


def test_an_item_is_known_by_its_id_under_every_scope() -> None:
    """A line that names an item keeps it away even if its content has become another."""
    batch = items(id=["a" * 32, "b" * 32], content_sha256=[sha("new"), sha("b")])
    assert taken([stone("item", "a" * 32, item="a" * 32)], batch) == [True, False]
    assert taken([stone("content", sha("old"), item="a" * 32)], batch) == [True, False]


@pytest.mark.parametrize(
    "dress",
    [
        TEXT,
        TEXT.upper(),
        TEXT.replace(" ", "\n  "),
        TEXT.replace("o", "\uff4f"),
        f"\ufeff{TEXT}\r\n",
        TEXT.rstrip(".") + "!!! \u201c\u201d",
        f"{TEXT} https://example.org/more",
    ],
)
def test_a_text_is_the_same_in_every_dress(dress: str) -> None:
    """Case, spaces, width, marks of order, punctuation and links do not make another text; a transcript is no text."""
    batch = items(text=[dress, TEXT[:-7], None, dress], modality=["text", "text", "text", "audio"])
    assert taken([stone("text", TEXT)], batch) == [True, False, False, False]


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://example.org/a", True),
        ("HTTPS://EXAMPLE.org:443/a#part", True),
        ("https://example.org/a?utm_source=x", True),
        ("https://example.org/a?id=2", False),
        ("https://example.org/ab", False),
        ("http://example.org/a", False),
        ("https://other.org/a", False),
    ],
)
def test_an_address_is_compared_in_the_crawlers_spelling(url: str, same: bool) -> None:
    """Ports, fragments and tracking do not matter; a locator that begins with the address is one, too."""
    stones = [stone("url", "https://example.org/a")]
    assert taken(stones, items(url=[url, None])) == [same, False]
    assert taken(stones, items(locator=[f"{url.partition('#')[0]}#sha256=00", "a.csv#row=1"])) == [same, False]


@pytest.mark.parametrize(
    ("url", "below"),
    [
        ("https://example.org/", True),
        ("https://Sub.Example.org./x", True),
        ("http://user:secret@example.org:8080/", True),
        ("https://notexample.org/", False),
        ("https://example.org.evil.net/", False),
        ("https://evil.net/?q=https://example.org/", False),
        ("kit.zip!/example.org/a.wav", False),
        (None, False),
    ],
)
def test_a_domain_is_a_host_and_all_below_it(url: str | None, below: bool) -> None:
    """Hosts below count, look-alikes and mentions do not."""
    assert taken([stone("domain", "Example.org")], items(url=[url])) == [below]


def test_an_international_host_is_one_host() -> None:
    """A host in letters and in its ASCII form is the same."""
    assert digest_of("domain", "bücher.example") == digest_of("domain", "xn--bcher-kva.EXAMPLE")


def test_an_author_is_named_in_any_case_alone_or_beside_others() -> None:
    """Case and spaces do not matter, one of several is found, a part of a name is not."""
    batch = items(author=["ADA  Lovelace", "Grace Hopper; ada lovelace", "Ada Lovelace-King", None])
    assert taken([stone("author", "Ada Lovelace")], batch) == [True, True, False, False]


@pytest.mark.parametrize(
    ("scope", "value"), [("content", "abc"), ("file", ""), ("domain", "  "), ("text", "...!"), ("item", "")]
)
def test_what_is_no_value_leaves_no_tombstone(scope: Scope, value: str) -> None:
    """A digest that is none and values with nothing in them are refused: an empty text would take every empty text."""
    with pytest.raises(ValueError, match="is no"):
        digest_of(scope, value)


def test_addresses_keep_away_by_themselves_or_by_their_host() -> None:
    """Whoever fetches asks for one address: itself, its host and the hosts above it decide."""
    stones = Tombstones([stone("url", "https://a.example/x", ticket="T-1"), stone("domain", "b.example", ticket="T-2")])
    found = {url: stones.url_gone(url) for url in ("https://a.example/x#y", "https://a.example/", "http://c.b.example:81/z")}
    assert {url: one.ticket if one else "" for url, one in found.items()} == {
        "https://a.example/x#y": "T-1",
        "https://a.example/": "",
        "http://c.b.example:81/z": "T-2",
    }


def test_the_file_is_appended_once_and_read_back(tmp_path: Path) -> None:
    """What is appended stands there in its order; what stands there already is not written again; an absent file is empty."""
    path = tmp_path / "deep" / "tombstones.jsonl"
    assert (len(read_tombstones(path)), read_tombstones(path).digest) == (0, NONE)
    first = [
        stone("content", sha("a"), ticket="T-1", at="2026-11-21T00:00:00Z", by="ann", reason="asked", item="i", source="s")
    ]
    assert append_tombstones(path, [*first, *first]) == tuple(first)
    assert append_tombstones(path, [*first, stone("url", "https://example.org/x")])[0].scope == "url"
    assert next(iter(read_tombstones(path))) == first[0]
    assert [one.scope for one in read_tombstones(path)] == ["content", "url"]


def test_nothing_of_the_value_is_written(tmp_path: Path) -> None:
    """The file holds digests; no name, address or text can be read in it."""
    path = tmp_path / "tombstones.jsonl"
    append_tombstones(path, [stone("author", "Ada Lovelace"), stone("url", "https://ada.example/me"), stone("text", TEXT)])
    told = path.read_bytes().lower()
    assert not any(word in told for word in (b"ada", b"lovelace", b"example", b"owl"))


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b"not json", 2),
        (b'{"scope": "content"}', 2),
        (b'{"scope": "planet", "digest": "' + b"0" * 64 + b'"}', 2),
        (b'{"scope": "content", "digest": "12"}', 2),
        (b'{"scope": "item", "digest": "' + b"0" * 64 + b'"}', 2),
        (b'["content"]', 2),
        (b'{"scope": "content", "digest": "' + b"0" * 64 + b'", "colour": "red"}', 2),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes, number: int) -> None:
    """A line that is no tombstone is reported with its number, and nothing is appended to such a file."""
    path = tmp_path / "tombstones.jsonl"
    append_tombstones(path, [stone("source", "s")])
    path.write_bytes(path.read_bytes() + line + b"\n")
    before = path.read_bytes()
    for act in (lambda: read_tombstones(path), lambda: append_tombstones(path, [stone("source", "t")])):
        with pytest.raises(WorkspaceDamaged) as caught:
            act()
        assert caught.value.where.endswith(f"tombstones.jsonl:{number}")
    assert path.read_bytes() == before


def test_a_file_that_is_cut_short_is_damaged(tmp_path: Path) -> None:
    """A last line without its end is not guessed at."""
    path = tmp_path / "tombstones.jsonl"
    append_tombstones(path, [stone("source", "s"), stone("source", "t")])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WorkspaceDamaged):
        read_tombstones(path)


def test_a_state_is_recognised_in_what_it_grew_to() -> None:
    """What came later is told by the digest of an earlier state; a file from which a line was taken was never in that state."""
    stones = [stone("source", name) for name in "abcd"]
    whole = Tombstones(stones)
    later = whole.since(Tombstones(stones[:2]).digest)
    assert later is not None
    assert list(later) == stones[2:]
    assert [len(found) for state in (NONE, whole.digest) if (found := whole.since(state)) is not None] == [4, 0]
    assert Tombstones(stones[1:]).since(whole.digest) is None
    assert [whole.since(other) for other in ("", "no digest", NONE[:32], whole.digest[2:] + "00")] == [None] * 4


def test_a_small_batch_costs_nothing_for_each_stone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are looked up among many stones as many rows are among few, and without a table of all the stones."""
    stones = Tombstones([stone("content", sha(str(number)), item=f"i{number}") for number in range(50)])
    rows = items(content_sha256=[sha("9"), sha("x"), sha("x")], id=["i1", "i7", "j"])
    many = items(content_sha256=rows.column("content_sha256").to_pylist() * 40, id=rows.column("id").to_pylist() * 40)
    assert stones.places(many).tolist() == [9, 7, -1] * 40
    monkeypatch.setattr(pc, "index_in", None)
    assert stones.places(rows).tolist() == [9, 7, -1]


def test_the_record_is_read_once_while_it_stays_as_it_is(tmp_path: Path) -> None:
    """A run asks many times for what may be millions of lines; what was appended or edited is seen at once."""
    path = tmp_path / "tombstones.jsonl"
    append_tombstones(path, [stone("source", "s")])
    read = read_tombstones(path)
    assert read_tombstones(path) is read
    append_tombstones(path, [stone("source", "t")])
    assert len(read_tombstones(path)) == 2
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert [one.key for one in read_tombstones(path)] == [one.key for one in read]
    path.unlink()
    assert len(read_tombstones(path)) == 0


def test_the_items_of_a_source_are_found_by_its_name() -> None:
    """Each with the first tombstone that names it."""
    first, second = stone("content", sha("a"), item="i", source="s"), stone("content", sha("b"), item="i", source="s")
    stones = Tombstones([first, second, stone("content", sha("c"), item="j", source="t"), stone("source", "s")])
    assert stones.named_of("s") == {"i": first}
    assert stones.named_of("none") == {}


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(SCOPES))
def test_whatever_is_given_is_digested_or_refused(value: str, scope: Scope) -> None:
    """No value breaks a digest: it has one, always the same, or is refused."""
    try:
        found = digest_of(scope, value)
    except ValueError:
        return
    assert found == digest_of(scope, value)
    assert len(bytes.fromhex(found)) == 32


@settings(deadline=None)
@given(st.lists(st.none() | st.text(max_size=40), min_size=1, max_size=8))
def test_hostile_addresses_and_names_are_only_compared(values: list[str | None]) -> None:
    """Whatever stands in the columns of items, the mask has one answer for each row."""
    stones = Tombstones([stone("url", "https://example.org/a"), stone("domain", "example.net"), stone("author", "x y")])
    batch = items(url=values, author=values, locator=[value or "" for value in values])
    assert len(stones.places(batch)) == len(values)


def test_places_name_the_tombstone_and_columns_what_is_looked_at() -> None:
    """Each row is told the line that speaks of it, and only the columns of the scopes in use are needed."""
    stones = Tombstones([stone("source", "s", ticket="T-1"), stone("content", sha("a"), ticket="T-2")])
    assert set(stones.columns) == {"content_sha256", "source"}
    table = pa.table(items(source=["s", "t", "t"], content_sha256=[sha("b"), sha("a"), sha("c")])).select(list(stones.columns))
    assert stones.places(table).tolist() == [0, 1, -1]
    assert np.array_equal(Tombstones().places(table), np.full(3, -1))


def test_a_line_is_what_the_manifest_reads(tmp_path: Path) -> None:
    """The fields of a line are those that are documented; `host` stands there for addresses alone."""
    path = tmp_path / "tombstones.jsonl"
    append_tombstones(path, [stone("source", "s"), stone("url", "https://example.org/x")])
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    plain = {"scope", "digest", "item", "source", "ticket", "at", "by", "reason"}
    assert [set(line) for line in lines] == [plain, plain | {"host"}]
