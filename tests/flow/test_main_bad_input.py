"""Bad input gets a clear error or a recorded rejection, and nothing else is lost."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import stat
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.demo.data import make
from acquisition.demo.servers import Fault
from acquisition.fetch import DownloadLimits
from acquisition.pipeline import verify
from acquisition.pipeline.summary import Summary
from tests.flow.running import Place, codes, empty_place, ended, source

pytestmark = pytest.mark.flow

HASTY = DownloadLimits(backoff=0.01, stall_timeout=1.0, connect_timeout=2.0, retries=2)
CC0 = {"declared": "CC0-1.0"}
ROWS = {"as": "rows", "text": "text", "label": "label"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty world and a directory for a declaration."""
    with empty_place(tmp_path) as made:
        yield made


def table(number: int, rows: int = 20) -> bytes:
    """Return a CSV file whose rows are like those of no other number."""
    lines = (f"Boat {number} with sail {n} leaves the harbour before the morning bell.,{'ab'[n % 2]}" for n in range(rows))
    return ("text,label\n" + "\n".join(lines) + "\n").encode()


def served(place: Place, name: str, content: bytes, **more: Any) -> dict[str, Any]:
    """Put a file on the site and return the source that declares it."""
    media_type = "text/csv" if name.endswith(".csv") else "application/octet-stream"
    url = place.world.site.add(f"/{name}", content, media_type=media_type)
    return {"kind": "http", "url": url, "license": CC0, "items": ROWS, **more}


def hubs(place: Place, dataset: str = "ada/pond", number: int = 7) -> dict[str, Any]:
    """Return one source for each hub."""
    world = place.world
    return {
        "pond": {
            "kind": "kaggle",
            "dataset": dataset,
            "base_url": world.kaggle.base_url,
            "auth": {"env": "DEMO_KAGGLE_TOKEN"},
            "items": ROWS,
        },
        "lake": {
            "kind": "huggingface",
            "repo": dataset,
            "base_url": world.hub.base_url,
            "auth": {"env": "DEMO_HF_TOKEN"},
            "items": ROWS,
            "files": {"include": ["*.csv"]},
        },
        "well": {"kind": "uci", "id": number, "base_url": world.uci.base_url, "items": ROWS},
        "voices": {
            "kind": "common_voice",
            "dataset": dataset.replace("/", "-"),
            "accept_terms": True,
            "base_url": world.collective.base_url,
            "auth": {"env": "DEMO_MDC_KEY"},
        },
    }


def fill(place: Place, **repo: Any) -> None:
    """Publish what `hubs` declares."""
    world = place.world
    world.kaggle.add("ada", "pond", {"a.csv": table(1)})
    world.hub.add("ada/pond", {"a.csv": table(2)}, "---\nlicense: mit\n---\n", **repo)
    world.uci.add(7, "Well", "well", {"a.csv": table(3)})
    world.collective.add("ada-pond", make(7).voices)


def hasty(place: Place, **how: Any) -> Summary:
    """Fetch with little patience."""
    return place.fetch(patience=HASTY, **how)


# --- the declaration ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "sources: [unclosed\n",
        "sources:\n  a: {kind: local, path: x}\n  a: {kind: local, path: y}\n",
        "sources: !!python/object/apply:os.system [echo]\n",
        "sources: {a: {kind: cattle, path: x}}\n",
        "\x00\x01",
        "",
        "- just\n- a list\n",
    ],
)
def test_malformed_yaml_is_refused_with_its_place(place: Place, text: str) -> None:
    """A declaration that is no declaration ends with 2, names a line and a column, and nothing is made."""
    (place.directory / "sources.yaml").write_text(text, encoding="utf-8")
    ran = place.acquire("fetch", "--json")
    assert ran.code == 2
    error = ran.value["error"]
    assert error["code"] == "declaration"
    assert all(problem["line"] >= 1 and problem["column"] >= 1 for problem in error["problems"])
    assert error["problems"] or error["where"]
    assert "Traceback" not in ran.err
    assert not place.workspace.exists()


# --- what is not there, and who may not have it --------------------------------------------------------------------------


def test_what_does_not_exist_is_said_for_each_source(place: Place) -> None:
    """Each hub's missing dataset and a missing file are errors of their own; the source that is there arrives."""
    missing = {"kind": "http", "url": f"{place.world.site.base_url}/none.csv", "license": CC0}
    place.declare_sources({**hubs(place, "ada/nothing", 404), "gone": missing, "here": served(place, "here.csv", table(1))})
    summary = hasty(place)
    assert codes(summary) == {name: ["source-not-found"] for name in ("pond", "lake", "well", "voices", "gone")}
    assert all(error.hint or error.where for error in summary.errors)
    assert summary.exit_code == 3
    assert source(summary, "here").items == 20
    assert {item["source"] for item in place.items()} == {"here"}


def test_wrong_credentials_are_said_with_their_place(place: Place) -> None:
    """A credential that the server rejects ends with 4 and names the environment variable that it came from."""
    fill(place)
    place.declare_sources(hubs(place))
    place.environment = dict.fromkeys(("DEMO_KAGGLE_TOKEN", "DEMO_HF_TOKEN", "DEMO_MDC_KEY"), "wrong")
    ran = place.acquire("fetch", "--json")
    assert ran.code == ran.value["exit_code"] == 4
    errors = {found["name"]: found["errors"] for found in ran.value["sources"] if found["errors"]}
    variables = {"pond": "DEMO_KAGGLE_TOKEN", "lake": "DEMO_HF_TOKEN", "voices": "DEMO_MDC_KEY"}
    assert errors.keys() == variables.keys()
    for name, variable in variables.items():
        assert {error["code"] for error in errors[name]} == {"credentials-rejected"}, name
        assert variable in json.dumps(errors[name]), name
        assert "https://" in errors[name][0]["hint"], name
    assert "wrong" not in (place.directory / "sources.lock").read_text()
    assert next(found for found in ran.value["sources"] if found["name"] == "well")["items"] == 20


def test_missing_credentials_and_terms_are_said_with_the_page(place: Place) -> None:
    """Without a log-in, and before terms are accepted, the run ends with 4, the page and the variable; then it completes."""
    fill(place, gated="manual")
    place.declare_sources({"lake": hubs(place)["lake"]})
    place.environment, token = {}, place.environment
    ran = place.acquire("fetch", "--json")
    assert ran.code == 4
    (error,) = ran.value["sources"][0]["errors"]
    assert error["code"] == "credentials-missing"
    assert "DEMO_HF_TOKEN" in error["message"] + error["hint"]
    assert "https://huggingface.co/datasets/ada/pond" in error["hint"]
    place.environment = token
    ran = place.acquire("fetch", "--json")
    assert ran.code == 4
    (error,) = ran.value["sources"][0]["errors"]
    assert error["code"] == "terms-needed"
    assert "https://huggingface.co/datasets/ada/pond" in error["hint"] + error["where"]
    assert "DEMO_HF_TOKEN" in error["message"]
    fill(place, gated="manual", granted=True)
    assert hasty(place).exit_code == 0
    assert len(place.items()) == 20


def test_terms_that_nobody_accepted_stop_only_their_source(place: Place) -> None:
    """Data Collective without `accept_terms` moves nothing and ends with 4 and the page."""
    fill(place)
    voices = {key: value for key, value in hubs(place)["voices"].items() if key != "accept_terms"}
    place.declare_sources({"voices": voices, "here": served(place, "here.csv", table(1))})
    ran = place.acquire("fetch", "--json")
    assert ran.code == 4
    by_name = {found["name"]: found for found in ran.value["sources"]}
    (error,) = by_name["voices"]["errors"]
    assert error["code"] == "terms-needed"
    assert "accept_terms" in error["hint"]
    assert "/datasets/" in error["hint"]
    assert by_name["here"]["items"] == 20
    assert place.world.requests("storage") == []


# --- bytes that are not what they should be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("flip", {"digest-mismatch"}),
        ("cut", {"transfer-cut", "size-mismatch"}),
        ("no-length-cut", {"transfer-cut", "size-mismatch", "digest-mismatch"}),
        ("html", {"unexpected-body", "digest-mismatch", "size-mismatch"}),
        ("empty", {"unexpected-body", "digest-mismatch", "size-mismatch"}),
        ("reset", {"transfer-cut"}),
        ("stall", {"transfer-stalled"}),
        ("redirect-private", {"address-refused"}),
        ("redirect-loop", {"transfer", "http-status", "transfer-cut"}),
    ],
)
def test_a_spoiled_file_stops_nobody_else_and_comes_next_time(place: Place, kind: Any, expected: set[str]) -> None:
    """A truncated, flipped, swapped or stalled file is its own error and record; without the fault a plain run completes."""
    spoiled = table(1, 3_000)
    block = served(place, "bad.csv", spoiled)
    block["urls"] = [{"url": block.pop("url"), "sha256": hashlib.sha256(spoiled).hexdigest(), "size": len(spoiled)}]
    place.declare_sources({"bad": block, "good": served(place, "good.csv", table(2))})
    place.world.faults.add(Fault(kind, "bad.csv", times=None, at=0 if kind in {"cut", "reset", "stall"} else None))
    began = time.monotonic()
    summary = hasty(place)
    assert time.monotonic() - began < 30
    (code,) = codes(summary)["bad"]
    assert code in expected
    assert summary.exit_code == (5 if code == "address-refused" else 3)
    assert source(summary, "bad").files_failed == 1
    assert [row["code"] for row in place.told("rejections.jsonl")] == [code]
    assert {item["source"] for item in place.items()} == {"good"}
    place.world.faults.clear()
    again = hasty(place)
    assert (again.exit_code, source(again, "bad").items) == (0, 3_000)
    assert place.told("rejections.jsonl") == []
    assert verify(place.session()).findings == ()


def test_a_swapped_file_is_not_taken(place: Place) -> None:
    """When a pinned file's bytes are others than the lock holds, it is refused, and the hint names the update."""
    place.declare_sources({"bad": served(place, "bad.csv", table(1)), "good": served(place, "good.csv", table(2))})
    assert hasty(place).exit_code == 0
    lock = (place.directory / "sources.lock").read_bytes()
    served(place, "bad.csv", table(9))
    for path in (place.workspace / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    summary = hasty(place)
    assert codes(summary) == {"bad": ["digest-mismatch"]}
    assert summary.exit_code == 3
    assert "--update" in source(summary, "bad").errors[0].hint
    assert {item["source"] for item in place.items()} == {"good"}
    pins = [json.loads(text)["sources"]["bad"]["files"] for text in (lock, (place.directory / "sources.lock").read_bytes())]
    assert pins[0][0]["digests"]["sha256"] == pins[1][0]["digests"]["sha256"]
    served(place, "bad.csv", table(1))
    assert hasty(place).exit_code == 0


def test_a_full_disk_is_said_before_anything_is_lost(place: Place) -> None:
    """When the reserve does not fit, the run ends with 3 and a clear error; with room again it completes."""
    sources = {"good": served(place, "good.csv", table(1))}
    place.declare_sources(sources, limits={"disk_reserve": "900000TB"})
    ran = place.acquire("fetch", "--json")
    assert ran.code == 3
    found = ran.value.get("error") or ran.value["sources"][0]["errors"][0]
    assert found["code"] == "disk-full"
    assert found["hint"]
    place.declare_sources(sources)
    assert hasty(place).exit_code == 0
    assert len(place.items()) == 20


def test_a_limit_on_bytes_refuses_and_keeps_the_rest(place: Place) -> None:
    """A source over its own ceiling, and a run over the whole one, end with 5 and `limit-reached`; the rest arrives."""
    big = served(place, "big.csv", table(1, 3_000))
    sources = {"big": {**big, "limits": {"bytes": "10kB"}}, "good": served(place, "good.csv", table(2))}
    place.declare_sources(sources)
    summary = hasty(place)
    assert (codes(summary), summary.exit_code) == ({"big": ["limit-reached"]}, 5)
    assert {item["source"] for item in place.items()} == {"good"}
    place.declare_sources({"big": big, "good": sources["good"]}, limits={"bytes": "10kB", "disk_reserve": "10MB"})
    summary = hasty(place)
    assert (codes(summary), summary.exit_code) == ({"big": ["limit-reached"]}, 5)
    place.declare_sources({"big": big, "good": sources["good"]})
    assert hasty(place).exit_code == 0
    assert len(place.items()) == 3_020


def test_a_limit_on_items_caps_and_says_so(place: Place) -> None:
    """Ceilings on items, per source and over all, are kept exactly; the sources that were cut short say so."""
    sources = {name: served(place, f"{name}.csv", table(n)) for n, name in enumerate(("one", "two", "three"))}
    sources["one"]["limits"] = {"items": 5}
    place.declare_sources(sources, limits={"items": 17, "disk_reserve": "10MB"})
    summary = hasty(place)
    assert {found.name: found.items for found in summary.sources} == {"one": 5, "two": 12, "three": 0}
    assert {found.name: found.capped for found in summary.sources} == {"one": True, "two": True, "three": True}
    assert (codes(summary), summary.exit_code) == ({name: ["limit-reached"] for name in ("one", "two", "three")}, 5)
    assert len(place.items()) == 17


# --- what is inside -----------------------------------------------------------------------------------------------------------


def _attacks() -> dict[str, bytes]:
    """Return archives that attack, each beside one honest member."""
    honest = b"An honest file about the keeper of the lighthouse.\n"
    made = {}
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("honest.txt", honest)
        archive.writestr("../../climbed.txt", b"out")
        archive.writestr("/absolute.txt", b"out")
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bomb.txt", bytes(30_000_000))
    made["attack.zip"] = zipped.getvalue()
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w:gz") as archive:
        for name, kind, target in (
            ("honest.txt", tarfile.REGTYPE, ""),
            ("../climbed.txt", tarfile.REGTYPE, ""),
            ("link.txt", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard.txt", tarfile.LNKTYPE, "../../x"),
            ("device", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            member.size = len(honest) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(honest + name.encode()) if member.size else None)
    made["attack.tar.gz"] = tarred.getvalue()
    return made


def test_an_archive_that_attacks_leaves_records(place: Place) -> None:
    """Traversal, links, devices and a bomb are records; the honest members are items; nothing is written outside."""
    blocks = {}
    for number, (name, content) in enumerate(_attacks().items()):
        blocks[f"attack-{number}"] = served(place, name, content, items={"as": "files"})
    place.declare_sources(blocks)
    summary = hasty(place)
    assert source(summary, "attack-0").rejections == {"archive-traversal": 2, "archive-link": 1, "archive-bomb": 1}
    assert source(summary, "attack-1").rejections == {"archive-traversal": 1, "archive-link": 2, "archive-special": 2}
    assert [found.items for found in summary.sources] == [1, 1]
    assert summary.exit_code == 0
    names = {path.name for path in place.directory.rglob("*")}
    assert not names & {"climbed.txt", "absolute.txt", "device", "pipe", "hard.txt"}


def test_broken_tables_leave_records_with_their_place(place: Place) -> None:
    """A table in another encoding than declared, rows with too many fields, half a Parquet file and an empty file."""
    russian = "text,label\n" + "".join(f"Лодка {n} выходит из гавани рано утром и не возвращается,a\n" for n in range(10))
    wide = table(1).decode().splitlines()
    wide[5] += ",too,many"
    wide[9] += ",again"
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": [f"Row {n} of the long ledger of the harbour" for n in range(5_000)]}), stream)
    half = stream.getvalue()[: len(stream.getvalue()) // 2]
    place.declare_sources(
        {
            "russian": served(place, "russian.csv", russian.encode("cp1251"), read={"encoding": "utf-8"}),
            "wide": served(place, "wide.csv", "\n".join(wide).encode()),
            "half": served(place, "half.parquet", half, items={"as": "rows", "text": "text"}),
            "nothing": served(place, "nothing.csv", b""),
            "good": served(place, "good.csv", table(2)),
        }
    )
    summary = hasty(place)
    rejected = place.told("rejections.jsonl")
    assert source(summary, "russian").items + sum(source(summary, "russian").rejections.values()) >= 1
    assert source(summary, "russian").items == 0
    assert set(source(summary, "russian").rejections) <= {"undecodable", "bad-encoding", "bad-row"}
    assert (source(summary, "wide").items, source(summary, "wide").rejections) == (18, {"bad-row": 2})
    assert source(summary, "half").items == 0
    assert sum(source(summary, "half").rejections.values()) == 1
    assert sum(source(summary, "nothing").rejections.values()) == 1
    assert source(summary, "good").items == 20
    assert all(row["source"] and row["locator"] and row["detail"] for row in rejected)
    assert len(rejected) == sum(sum(found.rejections.values()) for found in summary.sources)
    assert len(place.items()) == 38


def test_the_right_encoding_reads_what_was_rejected(place: Place) -> None:
    """Once the encoding is declared rightly the same blob is read, without being fetched again."""
    russian = "text,label\n" + "".join(f"Лодка {n} выходит из гавани рано утром и не возвращается,a\n" for n in range(10))
    block = served(place, "russian.csv", russian.encode("cp1251"), read={"encoding": "utf-8"})
    place.declare_sources({"russian": block})
    assert source(hasty(place), "russian").items == 0
    place.declare_sources({"russian": {**block, "read": {"encoding": "windows-1251"}}})
    asked = len(place.world.log)
    assert source(hasty(place), "russian").items == 10
    assert len(place.world.log) == asked


# --- who answers for the traffic, and what is no longer wanted ------------------------------------------------------------


def test_without_a_contact_nothing_is_crawled(place: Place) -> None:
    """A spider without a contact is refused with 5 before anything is asked; the other sources go on."""
    start = place.world.site.add("/start/", "<html><body><p>A page about the harbour and its keeper.</p></body></html>")
    spider = {"kind": "spider", "spider": "pages", "start": [start], "delay": "5ms"}
    value = {"version": 1, "dataset": {"name": "quiet"}, "limits": {"disk_reserve": "10MB"}}
    place.declare({**value, "sources": {"pages": spider, "good": served(place, "good.csv", table(1))}})
    summary = hasty(place)
    assert (codes(summary), summary.exit_code) == ({"pages": ["no-contact"]}, 5)
    assert source(summary, "good").items == 20
    assert place.world.requests("site", "/start/") == place.world.requests("site", "/robots.txt") == []


def test_a_site_whose_rules_cannot_be_read_is_not_visited(place: Place) -> None:
    """When robots.txt answers with an error of the server, no page is asked for, and the manifest says why."""
    start = place.world.site.add("/start/", "<html><body><p>A page about the harbour and its keeper.</p></body></html>")
    place.world.site.robots("out of order", status=503)
    place.declare_sources({"pages": {"kind": "spider", "spider": "pages", "start": [start], "delay": "5ms"}})
    summary = hasty(place)
    assert source(summary, "pages").items == 0
    assert place.world.requests("site", "/start/") == []
    assert sum(source(summary, "pages").crawl["refused"].values()) >= 1
    assert place.told("refusals.jsonl")


def test_a_source_that_is_no_longer_declared_leaves(place: Place) -> None:
    """Removing a source from the declaration removes its items from set and manifest and its pin from the lock."""
    sources = {"one": served(place, "one.csv", table(1)), "two": served(place, "two.csv", table(2))}
    place.declare_sources(sources)
    hasty(place)
    place.declare_sources({"two": sources["two"]})
    asked = len(place.world.log)
    assert hasty(place).exit_code == 0
    assert len(place.world.log) == asked
    assert {item["source"] for item in place.items()} == {"two"}
    assert json.loads((place.directory / "sources.lock").read_text())["sources"].keys() == {"two"}


def test_an_update_that_fails_leaves_what_was_there(place: Place) -> None:
    """When the hub knows the dataset no longer, an update ends with 3, and the pinned release and its items stay."""
    fill(place)
    place.declare_sources({"lake": hubs(place)["lake"]})
    assert hasty(place).exit_code == 0
    lock = (place.directory / "sources.lock").read_bytes()
    place.world.faults.add(Fault("not-found", face="hub", times=None))
    summary = hasty(place, update=("lake",))
    assert summary.exit_code == 3
    assert source(summary, "lake").items == len(place.items()) == 20
    assert (place.directory / "sources.lock").read_bytes() == lock


def test_a_crawl_is_run_anew_when_asked(place: Place) -> None:
    """`acquire crawl NAME` visits the site again and stages what it finds; a fetch in between does not."""
    site = place.world.site
    start = site.add("/start/", '<html><body><p>The harbour at night.</p><a href="/start/more.html">more</a></body></html>')
    site.add("/start/more.html", "<html><body><p>The harbour in the morning, with fog.</p></body></html>")
    place.declare_sources({"pages": {"kind": "spider", "spider": "pages", "start": [start], "delay": "5ms"}})
    assert source(hasty(place), "pages").items == 2
    visits = len(place.world.requests("site", "/start/"))
    site.add("/start/more.html", '<html><body><p>Fog again.</p><a href="/start/third.html">third</a></body></html>')
    site.add("/start/third.html", "<html><body><p>A third page about the sea.</p></body></html>")
    assert source(hasty(place), "pages").items == 2
    assert len(place.world.requests("site", "/start/")) == visits
    ran = place.acquire("crawl", "pages", "--json")
    assert (ran.code, ran.value["sources"][0]["items"]) == (0, 3)
    asked = len(place.world.log)
    assert hasty(place).exit_code == 0
    assert len(place.world.log) == asked
    assert len(place.items()) == 3


@pytest.mark.parametrize("fault", ["api", "body"])
def test_ctrl_c_is_heard_while_a_server_stalls(place: Place, fault: str) -> None:
    """One SIGINT ends a run with 130 within seconds, though a hub's API or a file's body does not come."""
    fill(place)
    if fault == "api":
        place.world.faults.add(Fault("slow-headers", face="uci", times=None, seconds=60))
        place.declare_sources({"well": hubs(place)["well"]})
    else:
        place.world.faults.add(Fault("stall", "bad.csv", times=None, at=10))
        place.declare_sources({"bad": served(place, "bad.csv", table(1, 3_000))})
    child = place.start("fetch", "--json")
    deadline = time.monotonic() + 60
    while not (place.workspace / ".lock-owner.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    ran = ended(child, 20)
    assert ran.code == 130, ran.err
    assert ran.value["error"]["code"] == "interrupted"
    place.world.faults.clear()
    assert hasty(place).exit_code == 0
