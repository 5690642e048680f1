"""A takedown: what is shown leaves with its copies, what is left is what a fresh run makes, and nothing of it comes back."""

from __future__ import annotations

import io
import json
import math
import os
import random
import shutil
import signal
import struct
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from acquisition.cli import main
from acquisition.demo.archives import zip_bytes
from acquisition.engine.flags import flag_shard
from acquisition.pipeline import Session, Summary, verify
from acquisition.pipeline.withdrawal import takedown as taking
from acquisition.pipeline.withdrawal import withdrawing
from acquisition.pipeline.withdrawal.asking import Request, Wanted
from acquisition.pipeline.withdrawal.selecting import Selection, select
from acquisition.pipeline.withdrawal.takedown import Grounds, TakenDown, takedown
from acquisition.tombstones import read_tombstones
from tests.flow.running import Place, empty_place, stamps, start, timeless

pytestmark = pytest.mark.flow

CC0: Final = {"declared": "CC0-1.0"}
WORDS: Final = """\
the owl calls over dark pond while river hums slow patient song about winter stones grey heron stands under willow
morning light moves across wet grass children run along garden wall old baker opens his narrow shop before sunrise bread smells
of rye and honey ships leave harbour when tide turns sailors wave from deck mountains keep snow until june shepherds count
their flock twice every evening a letter arrives late with foreign stamps somebody reads it aloud by candle rain falls on tin
roofs market women sell apples plums cabbage clocks strike seven train waits at station nobody boards dust settles"""
GROUNDS: Final = Grounds("T-17", "ann", "the author asked")
HISTORY: Final = {"version", "notes", "sdVersion", "last_version", "path"}
"""What a workspace with a past tells otherwise than a fresh one; `path` in the notice alone."""


def text(number: int) -> str:
    """A text of its own."""
    return " ".join(random.Random(number).sample(WORDS.split(), 22)).capitalize() + "."


def tone(pitch: float, seconds: float = 0.4) -> bytes:
    """A WAV file with one fading tone."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        samples = range(int(16_000 * seconds))
        wave_ = (int(20_000 * math.exp(-n / 4_000) * math.sin(2 * math.pi * pitch * n / 16_000)) for n in samples)
        file.writeframes(b"".join(struct.pack("<h", one) for one in wave_))
    return out.getvalue()


def lines(*rows: dict[str, Any]) -> bytes:
    """Rows as JSON Lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def serve(place: Place) -> dict[str, Any]:
    """Put the files on the server and beside the declaration; return the sources."""
    add = place.world.site.add
    posts = [
        {
            "text": text(n),
            "label": "ab"[n % 2],
            "by": ["Ada Lovelace", "Bo"][n % 7 > 0],
            "page": f"https://{'xy'[n % 2]}.example/{n}",
        }
        for n in range(30)
    ]
    rows = {"as": "rows", "text": "text", "label": "label", "author": "by", "url": "page"}
    drums = {f"{name}/{name}{n}.wav": tone(100 + 90 * n + 17 * len(name)) for name in ("kick", "snare") for n in range(4)}
    (place.directory / "mine").mkdir(exist_ok=True)
    for n in range(40, 52):
        (place.directory / "mine" / f"note-{n}.txt").write_text(text(n))
    (place.directory / "mine" / "again.txt").write_text(f"{text(43).upper()} !!")
    http = {"kind": "http", "license": CC0}
    return {
        "mine": {"kind": "local", "path": "mine", "items": {"as": "files"}, "license": CC0},
        "posts": http | {"url": add("/posts.jsonl", lines(*posts), media_type="application/jsonl"), "items": rows},
        "kit": http | {"url": add("/kit.zip", zip_bytes(drums), media_type="application/zip"), "items": {"as": "files"}},
        "letter": http | {"url": add("/letter.txt", text(60).encode(), media_type="text/plain"), "items": {"as": "files"}},
    }


BLOCKS: Final[dict[str, Any]] = {
    "filters": {"pii": False, "llm_style": False, "adult": False},
    "curated": {"layout": "folders", "splits": {"train": 0.8, "test": 0.2}},
}


def declare(place: Place, sources: dict[str, Any]) -> None:
    """Write the declaration, in which nothing refers to anything else."""
    place.declare_sources(json.loads(json.dumps(sources)), **BLOCKS)


@dataclass(frozen=True)
class Fetched:
    """The world with everything fetched, to be copied."""

    place: Place
    sources: dict[str, Any]


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetched]:
    """One fetch for all tests."""
    with empty_place(tmp_path_factory.mktemp("takedown") / "world") as place:
        sources = serve(place)
        declare(place, sources)
        assert place.fetch(workers=1).exit_code == 0
        yield Fetched(place, sources)


@pytest.fixture
def here(fetched: Fetched, tmp_path: Path) -> Place:
    """A workspace of the test's own, as the fetch left it."""
    place = replace(fetched.place, directory=tmp_path / "place")
    shutil.copytree(fetched.place.directory, place.directory)
    return place


def fresh(here: Place, tmp_path: Path) -> Place:
    """Another workspace with the same declaration, lock and tombstones, and nothing else."""
    other = replace(here, directory=tmp_path / "fresh")
    shutil.copytree(here.directory, other.directory, ignore=shutil.ignore_patterns("data"))
    (other.directory / "data").mkdir()
    shutil.copy(here.workspace / "tombstones.jsonl", other.workspace)
    return other


def session(place: Place) -> Session:
    """The declaration, opened for one process."""
    return place.session(workers=1)


def look(place: Place, *wanted: Wanted, **how: Any) -> Selection:
    """What a request would touch."""
    return select(session(place), Request(wanted, **how))


def take(place: Place, *wanted: Wanted, **how: Any) -> TakenDown:
    """Take something down."""
    return takedown(session(place), Request(wanted, **how), GROUNDS)


def item(place: Place, source: str, locator: str) -> dict[str, Any]:
    """One item of the ledger."""
    return next(row for row in place.items() if row["source"] == source and row["locator"].endswith(locator))


def told(place: Place) -> dict[str, Any]:
    """The set and the manifest, but for times and for what only a workspace with a past can tell."""
    found = {f"curated/{name}": value for name, value in timeless(place.workspace / "curated").items()}
    found |= {f"manifest/{name}": value for name, value in timeless(place.workspace / "manifest").items()}
    papers = ("CHANGELOG.md", "TAKEDOWNS.md", "versions.jsonl", "croissant.json", "manifest/curated-files.jsonl", "README.md")
    kept = {name: value for name, value in found.items() if not name.endswith(papers)}
    for name in ("manifest/summary.json", "manifest/takedowns.jsonl"):
        kept[name] = [{key: value for key, value in row.items() if key not in HISTORY} for row in kept[name]]
    return kept


def same(place: Place, other: Place) -> None:
    """Fail with the names of what differs."""
    one, two = told(place), told(other)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


# --- showing ------------------------------------------------------------------------------------------------------------


def test_it_shows_and_does_nothing(here: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --yes the items are named with their copies and reasons, and no file of the workspace changes."""
    monkeypatch.chdir(here.directory)
    before = stamps(here.directory)
    chosen = item(here, "mine", "note-43.txt")
    with pytest.raises(SystemExit) as ended:
        main(["takedown", "--item", chosen["id"][:12], "--json"])
    assert ended.value.code in {0, None}
    value = json.loads(capsys.readouterr().out)
    assert (value["kind"], value["schema_version"], value["done"]) == ("takedown", 1, False)
    found = {one["locator"]: (one["why"], one["outcome"]) for one in value["items"]}
    assert found.keys() == {"note-43.txt", "again.txt"}
    assert found["note-43.txt"][0] == "named by item"
    assert sorted(outcome for _, outcome in found.values()) == ["drop", "keep"]
    assert (value["in_the_set"], len(value["clusters"])) == (1, 1)
    assert {one["own"] for one in value["files"]} == {True}
    assert stamps(here.directory) == before


def test_nothing_that_matches_is_said_and_leaves_nothing(
    here: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing matching ends with 1 and no tombstone, --yes or not; asked to, a tombstone is left all the same."""
    monkeypatch.chdir(here.directory)
    with pytest.raises(SystemExit) as ended:
        main(["takedown", "--domain", "nowhere.example", "--yes", "--json"])
    assert ended.value.code == 1
    assert not (here.workspace / "tombstones.jsonl").exists()
    with pytest.raises(SystemExit) as ended:
        main(["takedown", "--domain", "nowhere.example", "--also-unseen", "--yes", "--json"])
    assert ended.value.code in {0, None}
    assert [stone.scope for stone in read_tombstones(here.workspace / "tombstones.jsonl")] == ["domain"]
    assert json.loads(capsys.readouterr().out.rpartition("}\n{")[2].join(["{", ""]))["new_tombstones"] == 1


@pytest.mark.parametrize(
    "arguments", [[], ["--item", "abc"], ["--item", "0123456789"], ["--content", "no-such-file"], ["--url", "no address"]]
)
def test_what_cannot_be_meant_is_a_usage_error(
    here: Place, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing or unknown name ends with 2 and changes nothing."""
    monkeypatch.chdir(here.directory)
    with pytest.raises(SystemExit) as ended:
        main(["takedown", *arguments, "--yes", "--json"])
    assert ended.value.code == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"
    assert not (here.workspace / "tombstones.jsonl").exists()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted("author", "ada  LOVELACE"), {f"posts.jsonl#row={n}" for n in (0, 7, 14, 21, 28)}),
        (Wanted("url", "HTTPS://Y.example:443/3#top"), {"posts.jsonl#row=3"}),
        (Wanted("domain", "x.example"), {f"posts.jsonl#row={n}" for n in range(0, 30, 2)}),
        (Wanted("domain", "example"), {f"posts.jsonl#row={n}" for n in range(30)}),
        (Wanted("source", "letter"), {"letter.txt"}),
        (Wanted("source", "kit"), {f"kit.zip!/{name}/{name}{n}.wav" for name in ("kick", "snare") for n in range(4)}),
    ],
)
def test_each_scope_finds_its_items(fetched: Fetched, wanted: Wanted, found: set[str]) -> None:
    """Authors in any case, addresses in any spelling, hosts with those below them, sources as a whole."""
    assert {one.locator for one in look(fetched.place, wanted).items} == found


def test_content_is_given_as_file_or_digest(fetched: Fetched, tmp_path: Path) -> None:
    """A file that says the same in another encoding finds the text and its copy; a digest finds the content it names."""
    given = tmp_path / "letter.txt"
    given.write_bytes(text(43).title().encode("utf-16"))
    assert {one.locator for one in look(fetched.place, Wanted("content", str(given))).items} == {"note-43.txt", "again.txt"}
    kick = item(fetched.place, "kit", "kick2.wav")
    assert [one.id for one in look(fetched.place, Wanted("content", kick["content_sha256"])).items] == [kick["id"]]


def test_copies_can_be_left_out(fetched: Fetched) -> None:
    """All copies leave by default, those of the same text on request, none with none: then no content is remembered."""
    wanted = Wanted("item", item(fetched.place, "mine", "note-43.txt")["id"].upper())
    assert len(look(fetched.place, wanted, copies="same").items) == 2
    alone = look(fetched.place, wanted, copies="none")
    assert len(alone.items) == 1
    assert {stone.scope for stone in alone.stones} == {"item", "file"}


# --- doing --------------------------------------------------------------------------------------------------------------


def test_what_is_left_is_what_a_fresh_run_makes(here: Place, tmp_path: Path) -> None:
    """After takedowns of a text with its copy, a member, a row and a file, set and manifest are those of a fresh run."""
    chosen = [("mine", "note-43.txt"), ("kit", "kick2.wav"), ("posts", "#row=11"), ("letter", "letter.txt")]
    rows = [item(here, *place) for place in chosen]
    done = take(here, *(Wanted("item", row["id"]) for row in rows))
    assert len(done.selection.items) == 5
    assert (done.summary.exit_code, done.summary.versioned["step"]) == (0, "major")
    kept = {row["id"] for row in here.items() if row["path"]}
    assert kept.isdisjoint(one.id for one in done.selection.items)
    other = fresh(here, tmp_path)
    assert other.fetch(workers=1).exit_code == 0
    same(here, other)
    assert verify(here.session()).findings == ()
    assert verify(other.session()).findings == ()
    assert here.fetch(workers=1).changed is False


def test_what_is_left_is_what_would_be_there_without(here: Place, tmp_path: Path) -> None:
    """The set is the one that a run makes in a world where the item never was."""
    without = replace(here, directory=tmp_path / "without")
    shutil.copytree(here.directory, without.directory, ignore=shutil.ignore_patterns("data", "sources.lock"))
    for name in ("note-43.txt", "again.txt"):
        (without.directory / "mine" / name).unlink()
    assert without.fetch(workers=1).exit_code == 0
    take(here, Wanted("item", item(here, "mine", "note-43.txt")["id"]))
    one, two = (
        {row["content_sha256"]: (row["path"], row["split"], row["outcome"]) for row in place.items()}
        for place in (here, without)
    )
    gone = [content for content in one if content not in two]
    assert [one[content] for content in gone] == [("", "", "drop")] * 2
    assert {content: placed for content, placed in one.items() if content in two} == two


def test_filters_look_at_nothing_that_stays(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only shards that lost a text are looked at again, by the filter that samples whole shards; copies are not searched."""
    looked: list[tuple[str, str]] = []
    from acquisition.pipeline import flagging

    plain = flag_shard

    def noted(task: Any) -> str:
        looked.extend((run.name, task.shard.source) for run in task.runs)
        return plain(task)

    monkeypatch.setattr(flagging, "flag_shard", noted)
    monkeypatch.setattr(flagging, "group_partition", lambda task: pytest.fail(f"{task.run.name} looks for links again"))
    chosen = [("mine", "note-43.txt"), ("posts", "#row=5")]
    take(here, *(Wanted("item", item(here, *place)["id"]) for place in chosen))
    assert looked == [("quality", "mine"), ("quality", "posts")]


def test_bytes_leave_and_files_of_ones_own_stay(here: Place) -> None:
    """The archive is rewritten without the member, the whole file is deleted, the user's own text is untouched."""
    own = (here.directory / "mine" / "note-43.txt").read_bytes()
    kick, letter = item(here, "kit", "kick2.wav"), item(here, "letter", "letter.txt")
    mine = item(here, "mine", "note-43.txt")
    done = take(here, *(Wanted("item", row["id"]) for row in (kick, letter, mine)))
    blobs = here.workspace / "blobs"
    assert not (blobs / letter["blob"][:2] / letter["blob"][2:]).exists()
    assert tone(100 + 90 * 2 + 17 * 4) not in (blobs / kick["blob"][:2] / kick["blob"][2:]).read_bytes()
    assert (here.directory / "mine" / "note-43.txt").read_bytes() == own
    assert (done.summary.swept["deleted"], done.summary.swept["rewritten"], done.summary.swept["outside"]) == (1, 1, 2)
    again = look(here, Wanted("content", kick["content_sha256"]))
    assert (again.again, again.items, [stone.scope for stone in again.stones]) == (True, (), ["file"])


def test_what_its_owner_has_deleted_before_is_forgotten_too(here: Place) -> None:
    """A file of the user's own that is gone when its item is taken down is named by no file of the workspace."""
    mine = item(here, "mine", "note-43.txt")
    (here.directory / "mine" / "note-43.txt").unlink()
    take(here, Wanted("item", mine["id"]))
    assert verify(session(here)).findings == ()


def test_the_notice_tells_users_what_to_delete(here: Place) -> None:
    """What left, where it stood, why, since when: for people and for programs; no text, no name."""
    mine = item(here, "mine", "note-44.txt")
    take(here, Wanted("item", mine["id"]))
    notice = (here.workspace / "manifest" / "TAKEDOWNS.md").read_text()
    assert f"{mine['id']} `{mine['path']}` sha256:{mine['content_sha256']}" in notice
    assert "First version without them: 1.0.0" in notice
    entry = next(row for row in here.told("takedowns.jsonl") if row["id"] == mine["id"])
    assert (entry["path"], entry["ticket"], entry["reason"]) == (mine["path"], "T-17", "the author asked")
    assert (entry["version"], entry["last_version"]) == ("1.0.0", "0.1.0")
    assert text(44)[:9] not in notice
    again = take(here, Wanted("item", item(here, "mine", "note-46.txt")["id"]))
    assert again.summary.versioned["version"] == "2.0.0"
    assert next(row for row in here.told("takedowns.jsonl") if row["id"] == mine["id"]) == entry


# --- never again --------------------------------------------------------------------------------------------------------


def _rejected(summary: Summary) -> dict[str, int]:
    return {source.name: source.rejections["taken-down"] for source in summary.sources if "taken-down" in source.rejections}


def test_it_never_returns(here: Place, fetched: Fetched) -> None:
    """From another source, in another encoding and under another name: rejected, counted, and nowhere in the manifest."""
    done = take(
        here, Wanted("item", item(here, "posts", "#row=11")["id"]), Wanted("item", item(here, "kit", "kick2.wav")["id"])
    )
    assert _rejected(done.summary) == {"posts": 1, "kit": 1}
    add = here.world.site.add
    mirror = lines({"text": text(11).upper()}, {"text": text(70)}, {"text": f"{text(11)} http://see.example/more"})
    more = {
        "mirror": {"kind": "http", "license": CC0, "items": {"as": "rows", "text": "text"}, "url": add("/m.jsonl", mirror)},
        "wide": {
            "kind": "http", "license": CC0, "items": {"as": "files"}, "read": {"encoding": "utf-16"},
            "url": add("/wide.txt", text(11).encode("utf-16"), media_type="text/plain"),
        },
        "beat": {"kind": "http", "license": CC0, "items": {"as": "files"}, "url": add("/beat.wav", tone(348))},
    }  # fmt: skip
    declare(here, fetched.sources | more)
    summary = here.fetch(workers=1)
    assert _rejected(summary) == {"posts": 1, "kit": 1, "mirror": 2, "wide": 1, "beat": 1}
    kept = [row for row in here.items() if row["path"] and row["source"] in more]
    assert [row["locator"] for row in kept] == ["m.jsonl#row=1"]
    assert {row["detail"] for row in here.told("rejections.jsonl") if row["code"] == "taken-down"} <= {
        f"taken down by {scope}, ticket T-17" for scope in ("content", "text", "item")
    }
    assert verify(here.session()).findings == ()


def test_a_file_that_held_nothing_else_is_not_fetched_again(here: Place) -> None:
    """The plan says so, and the server is not asked for it, whether the release is pinned or looked up again."""
    take(here, Wanted("item", item(here, "letter", "letter.txt")["id"]))
    asked = len(here.world.requests(path="/letter.txt"))
    summary = here.fetch(workers=1)
    assert (summary.exit_code, _rejected(summary)) == (0, {"letter": 1})
    plan = here.acquire("plan", "--json").value
    assert next(one for one in plan["sources"] if one["name"] == "letter")["files_taken_down"] == 1
    (here.directory / "sources.lock").unlink()
    here.fetch(workers=1)
    got = [request for request in here.world.requests(path="/letter.txt")[asked:] if request.method == "GET"]
    assert len(got) <= 1  # nobody but the bytes can say what an unpinned address holds
    assert verify(here.session()).findings == ()


def test_rows_stay_although_their_file_is_gone_until_it_is_needed(here: Place, fetched: Fetched) -> None:
    """A table goes as a whole while its other rows stand in staging; declared otherwise, it is fetched, and sieved, again."""
    posts = item(here, "posts", "#row=11")
    take(here, Wanted("item", posts["id"]))
    blob = here.workspace / "blobs" / posts["blob"][:2] / posts["blob"][2:]
    asked = len(here.world.requests(path="/posts.jsonl"))
    assert not blob.exists()
    assert here.fetch(workers=1).changed is False
    assert len(here.world.requests(path="/posts.jsonl")) == asked
    other = json.loads(json.dumps(fetched.sources))
    del other["posts"]["items"]["label"]
    declare(here, other)
    summary = here.fetch(workers=1)
    assert len(here.world.requests(path="/posts.jsonl")) > asked
    assert _rejected(summary) == {"posts": 1}
    assert sum(row["source"] == "posts" and row["outcome"] != "drop" for row in here.items()) == 29
    assert verify(here.session()).findings == ()


# --- killed -------------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What ends a run where it stands."""


MOMENTS: Final[dict[str, tuple[Any, str]]] = {
    "before the tombstones": (taking, "append_tombstones"),
    "after the tombstones": (taking, "read_tombstones"),
    "amid the shards": (withdrawing, "carry"),
    "before the cut stands": (withdrawing, "fsync_directory"),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("finish", ["the same command", "fetch"])
def test_a_kill_is_finished(here: Place, tmp_path: Path, moment: str, finish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is killed once tombstones stand, the same command and the next fetch end in the same set and manifest."""
    wanted = Wanted("item", item(here, "mine", "note-43.txt")["id"])
    module, name = MOMENTS[moment]

    def die(*_arguments: Any, **_options: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module, name, die)
        with pytest.raises(Killed):
            take(here, wanted)
    if moment == "before the tombstones":
        assert not (here.workspace / "tombstones.jsonl").exists()
        return
    if finish == "fetch":
        assert here.fetch(workers=1).exit_code == 0
    else:
        take(here, wanted)
    assert verify(here.session()).findings == ()
    other = fresh(here, tmp_path)
    assert other.fetch(workers=1).exit_code == 0
    same(here, other)


def test_a_killed_process_is_finished_by_the_same_command(here: Place, tmp_path: Path) -> None:
    """Kill -9 as soon as the tombstones stand: the command again finds nothing left to name, and finishes."""
    chosen = item(here, "posts", "#row=11")["id"]
    child = start(here.directory, "takedown", "--item", chosen, "--yes", "--quiet", "--ticket", "T-17")
    deadline = time.monotonic() + 60
    while not (here.workspace / "tombstones.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    ran = here.acquire("takedown", "--item", chosen, "--yes", "--json", "--ticket", "T-17")
    assert ran.code == 0, ran.err
    assert verify(here.session()).findings == ()
    other = fresh(here, tmp_path)
    assert other.fetch(workers=1).exit_code == 0
    same(here, other)


def test_what_was_not_shown_is_not_taken(here: Place) -> None:
    """When the workspace has changed since somebody agreed, nothing is done."""
    wanted = Wanted("item", item(here, "mine", "note-43.txt")["id"])
    found = look(here, wanted)
    assert select(session(here), Request((wanted,)), found) is found  # nothing has changed: it is not looked up again
    shown = replace(found, items=(), state="of yesterday")
    with pytest.raises(Exception, match="not as they were shown") as caught:
        takedown(session(here), Request((wanted,)), GROUNDS, shown=shown)
    assert getattr(caught.value, "code", "") == "plan-changed"
    assert not (here.workspace / "tombstones.jsonl").exists()
