"""Lists of addresses: what is read from every kind of table, what its columns mean, which rows are taken."""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.demo.servers import World
from acquisition.errors import AcquisitionError, ProtocolError, SourceNotFound, SourceUnavailable
from acquisition.network import AddressGuard
from acquisition.protocols import Answer, ApiClient, ResolveContext, Seed
from acquisition.sources import list_files
from acquisition.sources.list_columns import comparisons
from acquisition.sources.url_list import UrlList, UrlListSettings
from acquisition.testing import context_for, source_for

ROWS = [("http://a.example/1.jpg", "one"), ("http://b.example/2.jpg", "two, and more"), ("http://c.example/3.jpg", "drei ß")]


class Nobody(ApiClient):
    """A client that must not be asked."""

    def exchange(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Fail."""
        raise AssertionError(f"asked for {url}")

    def get_json(self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """Fail."""
        raise AssertionError(url)

    def post_json(self, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """Fail."""
        raise AssertionError(url)

    def redirect_of(self, method: str, url: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> str:
        """Fail."""
        raise AssertionError(url)

    def get_text(self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = 2_000_000) -> str:
        """Fail."""
        raise AssertionError(url)


class Ranges(Nobody):
    """Serves one body in ranges, as the API client hands them on; `etags` change with every answer when there are several."""

    def __init__(self, body: bytes, *, ranges: bool = True, etags: tuple[str, ...] = ('"1"',), to: str = "") -> None:
        self.body, self.ranges, self.etags, self.to = body, ranges, etags, to
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def exchange(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Answer a range, or with everything, or with a redirect to `to`."""
        self.asked.append((url, dict(headers or {})))
        if self.to and url != self.to:
            return Answer(302, {"location": self.to}, b"", url)
        if not self.ranges:
            return Answer(200, {}, self.body, url)
        first, last = map(int, (headers or {})["Range"].removeprefix("bytes=").split("-"))
        part = self.body[first : last + 1]
        tag = self.etags[min(len(self.asked), len(self.etags)) - 1]
        span = f"bytes {first}-{first + len(part) - 1}/{len(self.body)}"
        return Answer(206, {"content-range": span, "etag": tag}, part, url)


def seeds(base: Path, api: ApiClient | None = None, cache: Path | None = None, **settings: Any) -> list[Seed]:
    """The seeds of a list that is declared so."""
    adapter = UrlList()
    context = context_for(api or Nobody(), base=base, environment={"HOME": str(base)})
    context = ResolveContext(context.api, context.environment, context.now, base, context.user_agent, cache=cache)
    return list(adapter.seeds(source_for(adapter, "case", **settings), context))


def written(folder: Path, name: str, rows: list[tuple[str, str]], header: tuple[str, ...] | None = ("URL", "TEXT")) -> Path:
    """Write rows in the format that the name tells."""
    path = folder / name
    form = next(suffix for suffix in (".parquet", ".csv", ".tsv", ".jsonl", ".json", ".txt") if suffix in name)
    names = header or ("url", "caption")
    buffer = io.StringIO(newline="")
    if form == ".parquet":
        pq.write_table(pa.table({names[0]: [url for url, _ in rows], names[1]: [text for _, text in rows]}), path)
        return path
    if form in (".csv", ".tsv"):
        writer = csv.writer(buffer, delimiter="\t" if form == ".tsv" else ",", quoting=csv.QUOTE_MINIMAL)
        writer.writerows([*([header] if header else []), *rows])
    elif form == ".txt":
        buffer.write("".join(f"{url}\n" for url, _ in rows))
    else:
        records = [dict(zip(names, row, strict=True)) for row in rows]
        text = "\n".join(map(json.dumps, records)) if form == ".jsonl" else json.dumps(records)
        buffer.write(text)
    data = buffer.getvalue().encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


# --- formats --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["l.parquet", "l.csv", "l.csv.gz", "l.tsv", "l.tsv.gz", "l.jsonl", "l.jsonl.gz", "l.json", "l.json.gz"]
)
def test_every_format_gives_the_same_seeds(tmp_path: Path, name: str) -> None:
    """Address, caption and place in the list are the same whatever the list is written in, LAION's upper case included."""
    written(tmp_path, name, ROWS)
    found = seeds(tmp_path, table=name)
    assert [(seed.url, seed.fields["caption"]) for seed in found] == ROWS
    assert [seed.reason for seed in found] == [f"list: {name}#row={number}" for number in range(3)]


def test_a_text_file_is_one_address_per_line(tmp_path: Path) -> None:
    """Blank lines are nothing, space around an address is not part of it."""
    (tmp_path / "l.txt").write_text("  http://a.example/1.jpg \n\nhttp://b.example/2.jpg")
    assert [seed.url for seed in seeds(tmp_path, table="l.txt")] == ["http://a.example/1.jpg", "http://b.example/2.jpg"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_table_without_header_is_understood_by_its_looks(tmp_path: Path, order: tuple[int, int]) -> None:
    """CC12M has the address first, Conceptual Captions the caption; neither has a header."""
    lines = [(row[order[0]], row[order[1]]) for row in ROWS]
    written(tmp_path, "cc.tsv", lines, header=None)
    assert [(seed.url, seed.fields["caption"]) for seed in seeds(tmp_path, table="cc.tsv")] == ROWS


def test_columns_of_a_table_without_header_are_declared_by_position(tmp_path: Path) -> None:
    """Positions count from 0, and may be kept too."""
    (tmp_path / "l.tsv").write_text("7\thttp://a.example/1.jpg\ta cat\n")
    found = seeds(tmp_path, table="l.tsv", columns={"url": 1, "text": 2, "keep": [0]})
    assert found == [Seed("http://a.example/1.jpg", "list: l.tsv#row=0", {"caption": "a cat", "0": "7"})]


def test_quotes_are_words_in_tsv_unless_declared(tmp_path: Path) -> None:
    """Captions of CC12M hold single quotes that never close."""
    (tmp_path / "l.tsv").write_text('http://a.example/1.jpg\ta 5" disk\nhttp://a.example/2.jpg\tb\n')
    assert [seed.fields["caption"] for seed in seeds(tmp_path, table="l.tsv")] == ['a 5" disk', "b"]


def test_the_real_lists_are_read(shared_data: Path) -> None:
    """img2dataset's LAION sample, CC12M, Conceptual Captions and RedCaps, each as its publisher wrote it."""
    folder = shared_data / "laion"
    laion = seeds(folder, table="test_1000.parquet")
    assert len(laion) > 900
    assert all(seed.url.startswith("http") and seed.fields.get("caption") for seed in laion)
    assert len(seeds(folder, table="test_1000.txt")) > 900
    for name in ("cc12m.tsv", "GCC-training.tsv", "GCC-1.1.0-Validation.tsv"):
        rows = seeds(folder, table=f"other_url_lists/{name}")
        assert rows, name
        assert all(seed.url.startswith("http") and seed.fields["caption"] for seed in rows), name
    redcaps = seeds(folder, table="other_url_lists/redcaps_abandoned_2017.json")
    assert redcaps[0].url == "https://i.imgur.com/DXOdR.jpg"
    assert redcaps[0].fields["author"] == "EntenEller"


# --- columns --------------------------------------------------------------------------------------------------------------


def test_everything_a_list_says_of_a_file_comes_along(tmp_path: Path) -> None:
    """Caption, label, license, author and kept columns are fields; digest, size and dimensions are what the bytes must be."""
    digest = hashlib.md5(b"x").hexdigest()
    columns = {"u": ["http://a.example/1.jpg"], "t": ["a"], "l": ["cat"], "lic": ["CC-BY-4.0"], "by": ["Ann"]}
    checks = {"sum": [digest.upper()], "n": [1], "w": [640.0], "h": ["480"]}
    kept = {"similarity": [0.3], "caption": ["other"], "nsfw": [None]}
    pq.write_table(pa.table(columns | checks | kept), tmp_path / "l.parquet")
    names = {"url": "u", "text": "T", "label": "l", "license": "lic", "author": "by", "size": "n", "width": "w", "height": "h"}
    found = seeds(
        tmp_path,
        table="l.parquet",
        columns={**names, "hash": {"column": "sum", "type": "md5"}, "keep": ["similarity", "caption", "nsfw"]},
    )
    fields = {"caption": "a", "label": "cat", "license": "CC-BY-4.0", "author": "Ann", "similarity": 0.3}
    assert found[0].fields == fields | {"fields": {"caption": "other"}}
    assert found[0].expect == {"md5": digest, "size": 1, "width": 640, "height": 480}


def test_a_column_of_digests_is_compared_unless_it_is_refused(tmp_path: Path) -> None:
    """A column called md5 is what the bytes must be; base64 is read as well; `hash: false` leaves it alone."""
    (tmp_path / "l.csv").write_text("url,md5\nhttp://a.example/1.jpg,KFukvivpCM5QXl5SqKe41g==\n")
    assert seeds(tmp_path, table="l.csv")[0].expect == {"md5": "285ba4be2be908ce505e5e52a8a7b8d6"}
    assert seeds(tmp_path, table="l.csv", columns={"hash": False})[0].expect == {}


def test_dimensions_are_compared_only_when_declared(tmp_path: Path) -> None:
    """LAION's WIDTH and HEIGHT are of the day of its crawl; nobody asked that they still hold."""
    (tmp_path / "l.csv").write_text("URL,TEXT,WIDTH,HEIGHT\nhttp://a.example/1.jpg,a,10,20\n")
    assert seeds(tmp_path, table="l.csv")[0].expect == {}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"url": "adress"}, "it has: address, TEXT"),
        ({"url": 7}, "it has: address, TEXT"),
        ({}, "it has: address, TEXT"),
        ({"url": "address", "keep": ["punsafe"]}, "'punsafe'"),
        ({"url": "address", "hash": {"column": "md5"}}, "'md5'"),
    ],
)
def test_a_missing_column_is_told_with_those_there_are(tmp_path: Path, columns: dict[str, Any], told: str) -> None:
    """The error names what was looked for, or what could be declared; the plan meets it already."""
    (tmp_path / "l.csv").write_text("address,TEXT\nhttp://a.example/1.jpg,a\n")
    with pytest.raises(ProtocolError) as error:
        seeds(tmp_path, table="l.csv", columns=columns)
    assert told in error.value.message
    adapter = UrlList()
    with pytest.raises(ProtocolError):
        adapter.resolve(source_for(adapter, table="l.csv", columns=columns), context_for(Nobody(), base=tmp_path))


def test_a_row_that_cannot_be_read_is_handed_on_with_its_place(tmp_path: Path) -> None:
    """No URL, no JSON, a digest that is none, bytes that do not decode: the crawl counts and names them."""
    lines = [
        b'{"url": "http://a.example/1.jpg"}',
        b"{broken",
        b"[1]",
        b'{"url": null}',
        b'{"url": "http://a.example/2", "md5": "x"}',
    ]
    (tmp_path / "l.jsonl").write_bytes(b"\n".join([lines[4], *lines[:4]]))
    found = seeds(tmp_path, table="l.jsonl")
    assert [bool(seed.url) for seed in found] == [False, True, False, False, False]
    assert "no md5" in found[0].fields["unreadable"]
    assert "not JSON" in found[2].fields["unreadable"]
    assert found[4] == Seed("", "list: l.jsonl#row=4")
    (tmp_path / "l.csv").write_bytes(
        b"url,text\nhttp://a.example/\xe9.jpg,a\nhttp://a.example/1.jpg,caf\xe9\nhttp://a.example/x\n"
    )
    found = seeds(tmp_path, table="l.csv")
    assert [seed.url for seed in found] == ["", "http://a.example/1.jpg", ""]
    assert found[1].fields["caption"] == "caf\ufffd"
    assert "1 cells" in found[2].fields["unreadable"]
    assert seeds(tmp_path, table="l.csv", read={"encoding": "latin-1"})[0].url == "http://a.example/é.jpg"


def test_a_line_without_end_costs_one_row(tmp_path: Path) -> None:
    """What is longer than read.max_line_bytes is named, and the next line is read."""
    (tmp_path / "l.txt").write_text("http://a.example/" + "x" * 5_000 + "\nhttp://a.example/1.jpg\n")
    found = seeds(tmp_path, table="l.txt", read={"max_line_bytes": 1_000})
    assert [seed.url for seed in found] == ["", "http://a.example/1.jpg"]


# --- which rows -----------------------------------------------------------------------------------------------------------


def many(folder: Path, count: int) -> None:
    """Write a list with a number beside each address."""
    lines = "".join(f"http://a.example/{index}.jpg,{index / count},{'en' if index % 2 else 'de'}\n" for index in range(count))
    (folder / "l.csv").write_text("url,punsafe,lang\n" + lines)


def test_a_limit_takes_the_first_rows_and_a_seed_a_sample(tmp_path: Path) -> None:
    """The sample is the same for the same seed, another for another, in the order of the list, and exactly as large."""
    many(tmp_path, 1_000)
    first = seeds(tmp_path, table="l.csv", select={"limit": 10})
    assert [seed.reason for seed in first] == [f"list: l.csv#row={number}" for number in range(10)]
    one, again, other = (seeds(tmp_path, table="l.csv", select={"limit": 100, "seed": seed}) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    rows = [int(seed.reason.rpartition("=")[2]) for seed in one]
    assert len(rows) == 100
    assert rows == sorted(rows)
    assert max(rows) > 900
    assert len(seeds(tmp_path, table="l.csv", select={"limit": 5_000, "seed": 1})) == 1_000


def test_a_condition_chooses_rows(tmp_path: Path) -> None:
    """Numbers compare as numbers, texts as texts, and several conditions must all hold."""
    many(tmp_path, 100)
    assert len(seeds(tmp_path, table="l.csv", select={"where": "punsafe < 0.1"})) == 10
    assert len(seeds(tmp_path, table="l.csv", select={"where": "PUNSAFE >= 0.5 and lang = 'en'"})) == 25
    assert len(seeds(tmp_path, table="l.csv", select={"where": "punsafe < 0.5", "limit": 20, "seed": 3})) == 20
    with pytest.raises(ProtocolError, match="similarity"):
        seeds(tmp_path, table="l.csv", select={"where": "similarity > 1"})


@pytest.mark.parametrize(
    "where", ["punsafe", "punsafe <", "a < 1 or b < 2", "a < 1 and", "import os", "a < 1 b < 2", "(a < 1)"]
)
def test_a_condition_that_is_not_understood_is_refused(where: str) -> None:
    """Nothing is guessed and nothing is evaluated."""
    with pytest.raises(ValueError, match=r"understood|missing"):
        comparisons(where)


@given(st.text(max_size=40))
def test_any_condition_is_understood_or_refused(where: str) -> None:
    """Whatever somebody writes, the answer is comparisons or a ValueError."""
    with contextlib.suppress(ValueError):
        assert all(one.column for one in comparisons(where))


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_give_rows_or_a_named_error(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """A hostile list ends in seeds or in one of our errors, in every text format."""
    folder = tmp_path_factory.mktemp("list")
    for form in ("csv", "tsv", "jsonl", "json", "txt"):
        (folder / "l").write_bytes(b"\n".join([b"url,text", *lines]))
        try:
            found = seeds(folder, table="l", format=form)
        except AcquisitionError:
            continue
        for seed in found:
            orjson.dumps({"url": seed.url, "fields": seed.fields, "expect": seed.expect})


# --- where the table is ---------------------------------------------------------------------------------------------------


def test_several_files_are_read_in_their_order(tmp_path: Path) -> None:
    """A glob gives its files sorted; the place names the file."""
    for number in (2, 1):
        written(tmp_path, f"part-{number}.csv", [(f"http://a.example/{number}.jpg", "x")])
    assert [seed.reason for seed in seeds(tmp_path, table="part-*.csv")] == ["list: part-1.csv#row=0", "list: part-2.csv#row=0"]
    both = seeds(tmp_path, table=["part-2.csv", "part-1.csv"])
    assert [seed.url for seed in both] == ["http://a.example/2.jpg", "http://a.example/1.jpg"]
    with pytest.raises(SourceNotFound):
        seeds(tmp_path, table="part-9*.csv")
    (tmp_path / "list").write_text("x")
    with pytest.raises(ProtocolError, match="what kind of list"):
        seeds(tmp_path, table="list")


def test_what_was_read_is_written_down(tmp_path: Path) -> None:
    """lists.json names every file with its digest and how many of its rows were taken."""
    path = written(tmp_path, "l.csv", ROWS)
    seeds(tmp_path, cache=tmp_path / "cache", table="l.csv", select={"limit": 2})
    told = json.loads((tmp_path / "cache" / "lists.json").read_bytes())["lists"]
    size = path.stat().st_size
    assert told == [
        {"name": "l.csv", "url": "", "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": size, "taken": 2}
    ]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_remote_list_is_brought_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranges: bool) -> None:
    """In pieces where the server gives ranges, else whole; redirects are followed and credentials stay where they belong."""
    monkeypatch.setattr(list_files, "PIECE", 50)
    body = written(tmp_path, "l.csv", ROWS).read_bytes()
    api = Ranges(body, ranges=ranges, to="https://cdn.example/x")
    found = seeds(tmp_path, api, tmp_path / "cache", table="https://lists.example/l.csv?token=secret")
    assert [seed.url for seed in found] == [url for url, _ in ROWS]
    told = json.loads((tmp_path / "cache" / "lists.json").read_bytes())["lists"][0]
    assert told["sha256"] == hashlib.sha256(body).hexdigest()
    assert told["url"] == "https://lists.example/l.csv"
    assert len(api.asked) == (2 * -(-len(body) // 50) if ranges else 2)


def test_a_remote_list_that_changes_meanwhile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Halves of two lists are nobody's list."""
    monkeypatch.setattr(list_files, "PIECE", 50)
    body = written(tmp_path, "l.csv", ROWS).read_bytes()
    with pytest.raises(SourceUnavailable, match="changed"):
        seeds(tmp_path, Ranges(body, etags=('"1"', '"2"')), table="https://lists.example/l.csv")


def test_a_web_page_is_no_list(tmp_path: Path) -> None:
    """A log-in page with status 200 is told as what it is."""
    with pytest.raises(ProtocolError, match="web page"):
        seeds(tmp_path, Ranges(b"<!DOCTYPE html><title>Log in</title>", ranges=False), table="https://lists.example/l.csv")


def test_a_list_on_the_hub_is_read_at_one_commit(tmp_path: Path) -> None:
    """The files that fit the glob, through the Hub's own listing, with their digests; the list's license is not the images'."""
    body = written(tmp_path, "l.parquet", ROWS).read_bytes()
    adapter = UrlList()
    with World() as world:
        world.hub.add("laion/relaion", {"data/a.parquet": body, "data/b.csv": b"x"}, "---\nlicense: cc-by-4.0\n---\n")
        from acquisition.api import Client

        with Client("acquisition/test", AddressGuard(["http://127.0.0.1/"]), sleep=lambda _: None) as client:
            table = "hf://datasets/laion/relaion@main/data/*.parquet"
            source = source_for(adapter, "case", table=table, base_url=world.hub.base_url)
            context = context_for(client, environment={"HOME": str(tmp_path)}, base=tmp_path)
            release = adapter.resolve(source, context)
            found = list(adapter.seeds(source, context))
    assert [seed.url for seed in found] == [url for url, _ in ROWS]
    assert found[0].reason == "list: data/a.parquet#row=0"
    assert release.license.raw == ()
    assert any("cc-by-4.0" in note and "says nothing" in note for note in release.notes)


# --- declarations ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        "hf://datasets/laion/laion2B-en@main/*.parquet",
        "hf://datasets/laion/laion5B-index@main/x.parquet",
        "hf://datasets/someone/laion2B-multi-joined/part.parquet",
        "hf://datasets/laion/laion1B-nolang@main/*.parquet",
        "https://huggingface.co/datasets/laion/laion2B-en/resolve/main/part-0.parquet",
    ],
)
def test_withdrawn_lists_are_refused_by_name(table: str) -> None:
    """The first LAION lists are withdrawn; the error names those that took their place."""
    with pytest.raises(ValueError, match="relaion2B-en-research-safe"):
        UrlListSettings.model_validate_json(orjson.dumps({"kind": "url_list", "table": table}))


@pytest.mark.parametrize("repo", ["laion/relaion2B-en-research-safe", "laion/relaion1b-nolang-research-safe", "o/laion-coco"])
def test_their_successors_are_not(repo: str) -> None:
    """Re-LAION is another list with a similar name."""
    settings = UrlListSettings.model_validate_json(
        orjson.dumps({"kind": "url_list", "table": f"hf://datasets/{repo}@a/x.parquet"})
    )
    assert settings.tables == (f"hf://datasets/{repo}@a/x.parquet",)


@pytest.mark.parametrize(
    "settings",
    [
        {"table": []},
        {"table": "hf://datasets/laion"},
        {"table": "l.csv", "select": {"seed": 1}},
        {"table": "l.csv", "select": {"where": "x"}},
        {"table": "l.csv", "media_types": ["images"]},
        {"table": "l.csv", "columns": {"hash": {"column": "a", "type": "crc32"}}},
        {"table": "l.csv", "format": "xml"},
    ],
)
def test_a_declaration_that_says_nothing_sensible_is_refused(settings: dict[str, Any]) -> None:
    """Before anything is read or asked."""
    with pytest.raises(ValueError, match=r"\w"):
        UrlListSettings.model_validate_json(orjson.dumps({"kind": "url_list", **settings}))
