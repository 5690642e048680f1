"""The main job on the demo world: what was planted is caught, a second run does nothing, and every other command agrees."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.demo import world as demo_world
from acquisition.demo.data import make
from acquisition.demo.sounds import drum
from acquisition.errors import UsageError
from acquisition.pipeline import Summary, check_lock, curate, explain, plan, status, verify
from tests.flow.running import Place, acquire, codes, demo_place, empty_place, source, stamps

pytestmark = pytest.mark.flow
CONTENT = frozenset({".wav", ".txt", ".mp3", ".jpg", ".png", ".json"})
"""Endings of the items' own files in the curated set."""


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Summary]]:
    """The whole demo world after one fetch; the tests that share it leave everything as it was."""
    with demo_place(tmp_path_factory.mktemp("settled")) as place:
        yield place, place.fetch()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A demo world of one's own, without the crawls."""
    with demo_place(tmp_path, spiders=False) as made:
        yield made


# --- everything planted ---------------------------------------------------------------------------------------------------


def test_everything_planted_is_caught(settled: tuple[Place, Summary]) -> None:
    """Each source has its items, each flag its count, each broken thing its record, and the forbidden path no visitor."""
    place, summary = settled
    planted = demo_world.planted()
    assert {found.name: found.items for found in summary.sources if found.name != "lyrics"} == planted["candidates"]
    flags = Counter(flag["code"] for item in place.items() for flag in item["flags"])
    assert {code: flags[code] for code in planted["flags"]} == planted["flags"]
    for name, code in planted["rejections"].items():
        assert source(summary, name).rejections[code] == 1, name
    assert codes(summary) == {"lyrics": ["license-refused"]}
    assert summary.exit_code == 5
    assert place.world.requests("site", planted["forbidden"]) == []
    assert place.world.requests("site", planted["reserved"]) == []
    assert [request for request in place.world.log if "lyrics" in request.path and "resolve" in request.path] == []


def test_every_way_of_opting_out_is_heard(settled: tuple[Place, Summary]) -> None:
    """Each planted opt-out drops its item, by the mechanism and with the words that were planted; the others stay."""
    place, _ = settled
    reserved = [(item, flag) for item in place.items() for flag in item["flags"] if flag["code"] == "opt-out.training"]
    assert {item["outcome"] for item, _ in reserved} == {"drop"}
    heard = [json.loads(flag["detail"]) for _, flag in reserved]
    assert Counter(detail["mechanism"] for detail in heard) == demo_world.planted()["opt-outs"]
    assert {detail["ask"] for detail in heard if "ask" in detail} == {"https://example.org/mining"}
    assert "opt-out" in {row["code"] for row in place.told("refusals.jsonl")}


def test_the_manifest_holds_every_item_once(settled: tuple[Place, Summary]) -> None:
    """Kept, redacted, held and dropped items add up to all items; each has an outcome and, unless kept clean, its flag."""
    place, summary = settled
    items = place.items()
    assert len(items) == len({item["id"] for item in items}) == sum(found.items for found in summary.sources)
    assert Counter(item["outcome"] for item in items) == summary.outcomes
    for item in items:
        assert bool(item["path"]) == (item["outcome"] in {"keep", "redact"}), item["id"]
        assert item["code"] or item["outcome"] == "keep"
        assert item["concluded_spdx"]
        assert item["retrieved_at"]
    rejections = Counter(row["code"] for row in place.told("rejections.jsonl"))
    assert rejections == sum((Counter(found.rejections) for found in summary.sources), Counter())
    assert "license-refused" in {row["code"] for row in place.told("refusals.jsonl")}


def test_personal_data_leave_no_trace_in_the_set(settled: tuple[Place, Summary]) -> None:
    """Every planted personal datum is redacted in the curated set, and stands in no file of the manifest."""
    place, _ = settled
    redacted = [item for item in place.items() if item["outcome"] == "redact"]
    assert len(redacted) == len(demo_world.planted()["pii.locators"])
    everything = b"".join(path.read_bytes() for path in (place.workspace / "curated").rglob("*") if path.is_file())
    everything += b"".join(path.read_bytes() for path in (place.workspace / "manifest").glob("*.jsonl"))
    for secret in (b"rosa.lamplighter@", b"947-31-6058", b"4111 1111 1111 1111", b"GB82 WEST", b"(202) 555-0143"):
        assert secret not in everything


def test_the_lock_of_a_whole_fetch_is_complete(settled: tuple[Place, Summary]) -> None:
    """Nothing is missing from it, though some files are left out by `files:` and one source is refused."""
    place, _ = settled
    assert check_lock(place.session(offline=True)) == ()


# --- again ------------------------------------------------------------------------------------------------------------------


def test_a_second_fetch_asks_nobody_and_writes_nothing(settled: tuple[Place, Summary]) -> None:
    """With nothing changed no server is asked, no shard, blob or result is written anew, and the summary is the same."""
    place, first = settled
    kept = {"blobs", "crawl", "staging", "flags", "verdicts", "placements", "curated", "manifest"}
    before = {name: stamps(place.workspace / name) for name in kept}
    lock = (place.directory / "sources.lock").stat().st_mtime_ns
    asked = len(place.world.log)
    again = place.fetch()
    assert len(place.world.log) == asked
    assert {name: stamps(place.workspace / name) for name in kept} == before
    assert (place.directory / "sources.lock").stat().st_mtime_ns == lock
    assert again.changed is False
    assert (again.outcomes, again.codes, again.exit_code) == (first.outcomes, first.codes, first.exit_code)
    assert [found.bytes_downloaded for found in again.sources] == [0] * len(again.sources)


def test_a_lost_blob_is_fetched_again_alone(place: Place) -> None:
    """When one file of the workspace is lost, the next run moves that file and nothing else, and ends in the same set."""
    place.fetch()
    ids = {item["id"] for item in place.items()}
    pin = json.loads((place.directory / "sources.lock").read_text())["sources"]["reviews"]
    sha256 = next(file["digests"]["sha256"] for file in pin["files"] if file["path"].endswith(".parquet"))
    (place.workspace / "blobs" / sha256[:2] / sha256[2:]).unlink()
    place.world.log.clear()
    summary = place.fetch()
    assert source(summary, "reviews").bytes_downloaded > 0
    assert {request.face for request in place.world.log} <= {"hub", "storage"}
    assert len(place.world.requests("storage")) == 1
    assert {item["id"] for item in place.items()} == ids


# --- the other commands -----------------------------------------------------------------------------------------------------


def test_explain_finds_an_item_by_all_its_names(settled: tuple[Place, Summary]) -> None:
    """The start of an id, the curated path, the locator and the page's URL all lead to the same entry."""
    place, _ = settled
    session = place.session()
    items = place.items()
    redacted = next(item for item in items if item["outcome"] == "redact")
    for name in (redacted["id"][:12], redacted["id"], redacted["path"], redacted["locator"]):
        assert explain(session, name)["id"] == redacted["id"]
    page = next(item for item in items if item["source"] == "articles" and item["url"].endswith("/article-2.html"))
    assert explain(session, page["url"])["id"] == page["id"]
    dropped = explain(session, next(item["id"] for item in items if item["code"] == "duplicate.exact"))
    assert dropped["kept_id"] in {item["id"] for item in items if item["outcome"] in {"keep", "redact"}}
    with pytest.raises(UsageError):
        explain(session, "zzzzzz")


def test_status_counts_what_is_here(settled: tuple[Place, Summary]) -> None:
    """Status says per source how many files are held and how many items are staged, and how the run ended."""
    place, summary = settled
    found = status(place.session())
    assert {entry["name"]: entry["items"] for entry in found.sources} == {one.name: one.items for one in summary.sources}
    for entry in found.sources:
        assert entry["files_held"] == (0 if entry["name"] == "lyrics" else entry["files"]), entry["name"]
    assert found.last_run.endswith("with exit code 5")


def test_verify_finds_nothing_and_then_one_flipped_byte(place: Place) -> None:
    """An intact set verifies with 0; one flipped byte is found with 1, a lost and an extra file too."""
    place.fetch()
    assert verify(place.session()).findings == ()
    assert place.acquire("verify").code == 0
    kept = [item["path"] for item in place.items() if item["path"] and "#" not in item["path"]]
    target = place.workspace / "curated" / kept[0]
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 0x01
    target.unlink()
    target.write_bytes(content)
    (place.workspace / "curated" / kept[1]).unlink()
    (place.workspace / "curated" / "extra.txt").write_text("not ours")
    ran = place.acquire("verify", "--json")
    assert ran.code == 1
    assert {(finding["code"], finding["path"]) for finding in ran.value["findings"]} == {
        ("verify.changed-file", kept[0]),
        ("verify.missing-file", kept[1]),
        ("verify.extra-file", "extra.txt"),
    }


def test_a_new_policy_judges_again_and_nothing_more(place: Place) -> None:
    """`curate` after a change of policy asks no server, writes no flag or item shard, and changes outcomes and set."""
    first = place.fetch()
    value = place.declaration
    refused = place.told("refusals.jsonl")
    value["policy"] = [{"flag": "pii.*", "outcome": "drop"}, {"flag": "llm-style.*", "outcome": "keep", "why": "we like it"}]
    place.declare(value)
    before = [stamps(place.workspace / name) for name in ("flags", "staging", "blobs")]
    asked = len(place.world.log)
    summary = curate(place.session())
    assert len(place.world.log) == asked
    assert [stamps(place.workspace / name) for name in ("flags", "staging", "blobs")] == before
    planted = demo_world.planted()
    personal = len(planted["pii.locators"])
    assert summary.outcomes.get("redact", 0) == 0
    assert summary.outcomes["drop"] == first.outcomes["drop"] + personal
    assert summary.outcomes["hold"] == first.outcomes["hold"] - first.codes["hold", "llm-style.boilerplate"]
    assert (
        len([path for path in (place.workspace / "curated").rglob("*") if path.suffix in CONTENT]) == (summary.outcomes["keep"])
    )
    assert verify(place.session()).findings == ()
    assert [row["code"] for row in place.told("refusals.jsonl")] == [row["code"] for row in refused] == ["license-refused"]
    assert summary.exit_code == 0


@pytest.mark.parametrize(
    ("until", "there", "absent"),
    [
        ("fetch", {"blobs"}, {"staging", "flags", "curated", "manifest"}),
        ("stage", {"blobs", "staging"}, {"flags", "verdicts", "curated", "manifest"}),
        ("filter", {"staging", "flags"}, {"verdicts", "curated", "manifest"}),
        ("curate", {"staging", "flags", "verdicts", "curated"}, {"manifest"}),
    ],
)
def test_a_run_stops_where_it_is_told(place: Place, until: str, there: set[str], absent: set[str]) -> None:
    """`--until` leaves what its step makes and nothing of the later ones; a later run goes on from there."""
    value = place.declaration
    value["sources"] = {name: value["sources"][name] for name in ("packs", "guestbook")}
    place.declare(value)
    summary = place.fetch(until=until)
    assert (summary.reached, summary.exit_code) == (until, 0)
    assert all((place.workspace / name).is_dir() for name in there)
    assert not any((place.workspace / name).exists() for name in absent)
    asked = len(place.world.log)
    assert place.fetch().exit_code == 0
    assert len(place.world.log) == asked
    assert len(place.items()) == 60


def test_a_named_source_is_fetched_alone(place: Place) -> None:
    """Naming sources moves their bytes only; later runs add the others without fetching these again."""
    summary = place.fetch(only=("guestbook",))
    assert {found.name for found in summary.sources if found.action != "skip"} == {"guestbook"}
    assert {request.path for request in place.world.log} == {"/files/guestbook.csv"}
    assert {item["source"] for item in place.items()} == {"guestbook"}
    place.fetch(only=("attic",))
    assert {item["source"] for item in place.items()} == {"guestbook", "attic"}
    assert len(place.world.requests("site", "/files/guestbook.csv")) == 1


# --- plan, lock, update -------------------------------------------------------------------------------------------------------


def test_a_plan_moves_no_data_and_pins(place: Place) -> None:
    """`plan` writes revisions, sizes and licenses to the lock, asks for no data file, and says what a fetch will move."""
    made = plan(place.session())
    lock = json.loads((place.directory / "sources.lock").read_text())["sources"]
    assert lock["drums"]["revision"] == "2"
    assert len(lock["reviews"]["revision"]) == 40
    assert lock["voices"]["revision"]
    assert lock["lyrics"]["license"]["raw"] == ["cc-by-nc-4.0"]
    assert not (place.workspace / "blobs").exists()
    assert place.world.requests("storage") == []
    assert place.world.requests("site") == []
    assert all(request.bytes_sent < 100_000 for request in place.world.log)
    by_name = {planned.name: planned for planned in made.sources}
    assert by_name["lyrics"].action == "refuse"
    assert by_name["drums"].bytes_to_move > 400_000
    assert made.disk_after == made.disk_free - made.bytes_to_move
    place.world.log.clear()
    again = plan(place.session())
    assert place.world.log == []
    assert again.lock.pins.keys() == made.lock.pins.keys()


def test_locked_takes_what_is_pinned_and_refuses_what_is_new(place: Place) -> None:
    """`--locked` runs on a complete lock, and refuses a source that the lock does not hold, or holds otherwise, with 5.

    Publishers are asked once for their listings, which have to be what the lock holds.
    """
    value = place.declaration
    del value["sources"]["lyrics"]
    place.declare(value)
    plan(place.session())
    asked = len(place.world.log)
    summary = place.fetch(locked=True)
    assert (summary.exit_code, codes(summary)) == (0, {})
    assert len([one for one in place.world.log[asked:] if one.path.endswith("/GetDataset")]) == 1
    assert not [one for one in place.world.log[asked:] if one.path.endswith("/revision/main")]
    lock = (place.directory / "sources.lock").read_bytes()
    value["sources"]["more"] = {**value["sources"]["guestbook"], "url": f"{place.world.site.base_url}/files/kit.zip"}
    value["sources"]["drums"]["dataset"] = "northside/one-shot-drums/versions/1"
    place.declare(value)
    ran = place.acquire("fetch", "--locked", "--json")
    assert ran.code == 5
    errors = {found["name"]: [error["code"] for error in found["errors"]] for found in ran.value["sources"] if found["errors"]}
    assert errors == {"more": ["not-in-lock"], "drums": ["not-in-lock"]}
    assert (place.directory / "sources.lock").read_bytes() == lock


def _third_version(place: Place) -> None:
    """Publish a third version of the drums: one file longer, one gone, one new, under another license."""
    drums = dict(make(demo_world.SEED).drums)
    drums["kick/kick-02.wav"] += bytes(8)
    drums["kick/kick-99.wav"] = drum("kick", 424_243)
    del drums["hat/hat-05.wav"]
    place.world.kaggle.add(
        "northside",
        "one-shot-drums",
        drums,
        license_code="CC-BY-SA-4.0",
        license_display="CC BY-SA 4.0",
        title="One-shot drums",
        creator="North Side Studio",
        zipped=("kick/kick-24.wav",),
    )


def test_an_update_is_shown_before_it_is_taken(place: Place) -> None:
    """`plan --update` names files and license that changed and writes nothing; `fetch --update` takes the version shown."""
    place.fetch()
    lock = (place.directory / "sources.lock").read_bytes()
    _third_version(place)
    assert source(place.fetch(), "drums").revision == "2"
    ran = place.acquire("plan", "--update", "drums", "--json")
    shown = next(found for found in ran.value["sources"] if found["name"] == "drums")
    assert shown["changes"]["revision"] == ["2", "3"]
    assert shown["changes"]["added"] == ["kick/kick-99.wav"]
    assert shown["changes"]["removed"] == ["hat/hat-05.wav"]
    assert shown["changes"]["changed"] == ["kick/kick-02.wav"]
    assert shown["changes"]["license"] is not None
    assert shown["license"]["concluded"] == "CC-BY-SA-4.0"
    assert (place.directory / "sources.lock").read_bytes() == lock
    place.world.log.clear()
    summary = place.fetch(update=("drums",))
    assert {request.face for request in place.world.log} == {"kaggle", "storage"}
    assert (source(summary, "drums").revision, source(summary, "drums").files) == ("3", 75)
    drums = [item for item in place.items() if item["source"] == "drums"]
    assert {(item["revision"], item["concluded_spdx"]) for item in drums} == {("3", "CC-BY-SA-4.0")}
    assert verify(place.session()).findings == ()


def test_only_what_changed_moves(tmp_path: Path) -> None:
    """Where a publisher gives digests (the Hub), an update moves the files that changed and no others."""
    with empty_place(tmp_path) as place:
        files = {f"data/part-{n}.parquet": _table(n) for n in range(6)}
        place.world.hub.add("harbour/parts", files, "---\nlicense: cc0-1.0\n---\n")
        block = {"kind": "huggingface", "repo": "harbour/parts", "base_url": place.world.hub.base_url}
        place.declare_sources({"parts": {**block, "files": {"include": ["data/*.parquet"]}, "items": {"as": "rows"}}})
        assert source(place.fetch(), "parts").items == 6 * 3
        place.world.hub.add("harbour/parts", {**files, "data/part-2.parquet": _table(99)}, "---\nlicense: mit\n---\n")
        place.world.log.clear()
        summary = place.fetch(update=("parts",))
        assert len(place.world.requests("storage")) == 1
        assert (source(summary, "parts").files, source(summary, "parts").license_concluded) == (6, "MIT")


def _table(seed: int) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": [f"The gate number {seed} stays open for {n} more days." for n in range(3)]}), stream)
    return stream.getvalue()


def test_both_layouts_agree_on_what_is_kept(tmp_path: Path) -> None:
    """A change of layout alone rebuilds the set from what is here, with the same items in it."""
    with demo_place(tmp_path, spiders=False) as place:
        place.fetch()
        kept = {item["id"] for item in place.items() if item["path"]}
        value: dict[str, Any] = place.declaration
        value["curated"] = {**value["curated"], "layout": "parquet"}
        del value["curated"]["path"]
        place.declare(value)
        asked = len(place.world.log)
        place.fetch()
        assert {item["id"] for item in place.items() if item["path"]} == kept
        assert len(place.world.log) == asked
        assert verify(place.session()).findings == ()


def test_the_demo_command_catches_everything(tmp_path: Path) -> None:
    """`acquire demo` ends with 0 and one document in which nothing that was planted is missed; --keep leaves all of it.

    The other layout is what the README shows (test_readme.py).
    """
    ran = acquire(tmp_path, "demo", "--keep", "world", "--layout", "parquet", "--json")
    assert ran.code == 0, [one for one in ran.value["checks"] if one["planted"] != one["caught"]]
    assert ran.value["missed"] == 0
    assert all(check["planted"] == check["caught"] for check in ran.value["checks"])
    assert (tmp_path / "world" / "data" / "manifest" / "items.parquet").is_file()
    assert acquire(tmp_path / "world", "verify").code == 0
