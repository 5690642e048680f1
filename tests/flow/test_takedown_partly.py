"""Takedowns where not everything is as it was fetched: files are missing, older releases lie about, archives are damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import Mock

import pytest

from acquisition.cli import main
from acquisition.content.limits import Unreadable
from acquisition.demo.archives import zip_bytes
from acquisition.pipeline import verify
from acquisition.pipeline.withdrawal.asking import Request, Wanted
from acquisition.pipeline.withdrawal.selecting import select
from acquisition.pipeline.withdrawal.takedown import Grounds, TakenDown, takedown
from acquisition.stage.withdrawn import places_in
from acquisition.takedown.rewriting import Rewriter
from tests.flow.running import Place, empty_place
from tests.flow.test_takedown import BLOCKS, CC0, item, lines, text, tone

pytestmark = pytest.mark.flow
SOUNDS: Final = {f"kick{number}.wav": tone(200 + 90 * number) for number in range(3)}


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two files of rows, a zip of sounds and a file of one's own, fetched once."""
    with empty_place(tmp_path_factory.mktemp("partly") / "world") as place:
        add = place.world.site.add
        urls = [
            add(f"/{name}.jsonl", lines(*({"text": text(first + n)} for n in range(9))), media_type="application/jsonl")
            for name, first in (("one", 0), ("two", 20))
        ]
        (place.directory / "mine").mkdir()
        (place.directory / "mine" / "note.txt").write_text(text(50))
        http: dict[str, Any] = {"kind": "http", "license": CC0}
        kit = add("/kit.zip", zip_bytes(SOUNDS), media_type="application/zip")
        sources = {
            "posts": http | {"urls": urls, "items": {"as": "rows", "text": "text"}},
            "kit": http | {"url": kit, "items": {"as": "files"}},
            "mine": {"kind": "local", "path": "mine", "items": {"as": "files"}, "license": CC0},
        }
        place.declare_sources(json.loads(json.dumps(sources)), **BLOCKS)
        assert place.fetch(workers=1).exit_code == 0
        yield place


@pytest.fixture
def here(fetched: Place, tmp_path: Path) -> Place:
    """A workspace of the test's own, as the fetch left it."""
    place = replace(fetched, directory=tmp_path / "place")
    shutil.copytree(fetched.directory, place.directory)
    return place


def take(place: Place, *wanted: str) -> TakenDown:
    """Take items down."""
    request = Request(tuple(Wanted("item", one) for one in wanted))
    return takedown(place.session(workers=1), request, Grounds("T-9"))


def blob(place: Place, row: dict[str, Any]) -> Path:
    """Where the file of an item lies."""
    digest: str = row["blob"]
    return place.workspace / "blobs" / digest[:2] / digest[2:]


def test_what_names_nothing_is_told_whatever_is_asked_for_beside_it(fetched: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several that name one item none is called unmatched; the shelf is gone through for all of them, not for each."""
    row = item(fetched, "posts", "one.jsonl#row=3")
    named = [("source", "posts"), ("item", row["id"]), ("content", row["content_sha256"])]
    nothing = [("source", "post"), ("source", "elsewhere"), ("domain", "nowhere.example"), ("content", "0" * 64)]
    looked = Mock(wraps=places_in)
    monkeypatch.setattr("acquisition.pipeline.withdrawal.finding.places_in", looked)
    found = select(fetched.session(), Request(tuple(Wanted(scope, value) for scope, value in [*named, *nothing])))  # type: ignore[arg-type]
    unmatched = "nothing that is here matches; its tombstone keeps it away all the same"
    assert sorted(found.notes)[:4] == [
        f"--content '{'0' * 64}': {unmatched}",
        f"--domain 'nowhere.example': {unmatched}",
        "--source 'elsewhere': no source is called so. Declared are: kit, mine, posts.",
        "--source 'post': no source is called so. Did you mean `posts`?",
    ]
    shards = len({call.args[0].path for call in looked.call_args_list})
    assert len(looked.call_args_list) <= 4 * shards


def test_a_source_that_lacks_a_file_takes_part_with_the_others(here: Place) -> None:
    """What is held of it is cut and swept and stays in the set, the lock keeps what it knew, and what is missing is said."""
    gone, stays = item(here, "posts", "one.jsonl#row=3"), item(here, "posts", "two.jsonl#row=3")
    kept = item(here, "posts", "one.jsonl#row=4")
    blob(here, stays).unlink()
    lock = (here.directory / "sources.lock").read_bytes()
    done = take(here, gone["id"])
    assert (done.unfinished, done.exit_code) == ((), 5)
    assert [error.code for error in done.summary.errors] == ["not-here"]
    assert not blob(here, gone).exists()
    ids = {row["id"] for row in here.items() if row["path"]}
    assert (gone["id"] in ids, kept["id"] in ids) == (False, True)
    assert (here.directory / "sources.lock").read_bytes() == lock
    assert here.fetch(workers=1).exit_code == 0
    assert stays["id"] in {row["id"] for row in here.items() if row["path"]}
    assert verify(here.session()).findings == ()


def test_a_source_that_takes_no_part_is_cut_as_it_stands(here: Place) -> None:
    """Refused, its rows and bytes leave all the same; with its files lost, what left does not come back with them."""
    refused, lost = item(here, "posts", "one.jsonl#row=3"), item(here, "posts", "two.jsonl#row=3")
    allowed = here.declaration
    value = here.declaration
    value["sources"]["posts"]["license"] = {"declared": "CC-BY-NC-4.0"}
    value["dataset"]["use"]["commercial"] = True
    here.declare(value)
    done = take(here, refused["id"])
    assert (done.unfinished, done.summary.swept["idle"], done.summary.swept["deleted"]) == ((), ["posts"], 1)
    assert verify(here.session()).findings == ()
    here.declare(allowed)
    blob(here, lost).unlink()
    done = take(here, lost["id"])
    assert (done.unfinished, done.exit_code) == ((), 0)
    assert verify(here.session()).findings == ()  # although it had no ticket
    assert here.fetch(workers=1).exit_code == 0
    ids = {row["id"] for row in here.items() if row["path"]}
    assert ids & {refused["id"], lost["id"]} == set()
    assert sum(row["source"] == "posts" and bool(row["path"]) for row in here.items()) == 16
    assert verify(here.session()).findings == ()


def test_a_source_that_is_declared_no_more_is_still_known(here: Place) -> None:
    """The set holds its items until it is made anew, so they are found, and stay out when it is declared again."""
    before = here.declaration
    gone = item(here, "kit", "kick1.wav")
    value = here.declaration
    del value["sources"]["kit"]
    here.declare(value)
    done = take(here, gone["id"][:12])
    assert [one.id for one in done.selection.items] == [gone["id"]]
    here.declare(before)
    assert here.fetch(workers=1).exit_code == 0
    assert [row["locator"] for row in here.items() if row["source"] == "kit" and row["path"]] == [
        "kit.zip!/kick0.wav",
        "kit.zip!/kick2.wav",
    ]
    assert verify(here.session()).findings == ()


def test_files_that_come_without_their_lock_are_swept_again(here: Place) -> None:
    """Nobody knows any more what was taken out of them: they are fetched whole, sieved, and rewritten or deleted as before."""
    gone = [item(here, "posts", "one.jsonl#row=3"), item(here, "kit", "kick1.wav")]
    take(here, *(one["id"] for one in gone))
    (here.directory / "sources.lock").unlink()
    summary = here.fetch(workers=1)
    assert (summary.swept["deleted"], summary.swept["rewritten"]) == (1, 1)
    assert verify(here.session()).findings == ()
    assert here.fetch(workers=1).changed is False


def test_the_address_that_a_file_came_from_takes_all_of_it(here: Place) -> None:
    """Rows seldom name where they lie; the file does, and leaves with whatever else came from its host."""
    url = here.declaration["sources"]["posts"]["urls"][0]
    done = takedown(here.session(workers=1), Request((Wanted("url", url),)), Grounds())
    assert {one.locator for one in done.selection.items} == {f"one.jsonl#row={number}" for number in range(9)}
    assert {one.why for one in done.selection.items} == {"named by url"}
    assert verify(here.session()).findings == ()
    host = url.split("/")[2]
    done = takedown(here.session(workers=1), Request((Wanted("domain", host), Wanted("author", "Nobody"))), Grounds())
    assert {one.source for one in done.selection.items} == {"posts", "kit"}
    assert "--author 'Nobody'" in done.selection.notes[0]
    assert [row["source"] for row in here.items() if row["path"]] == ["mine"]
    assert list((here.workspace / "blobs").glob("*/*")) == []
    assert verify(here.session()).findings == ()
    assert takedown(here.session(workers=1), Request((Wanted("domain", host),)), Grounds()).tombstones == 0


def test_an_archive_that_cannot_be_rewritten_is_tried_again(
    here: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a file holds what left, every run ends with 3 and the command says so; the next run that can finishes it."""
    gone = item(here, "kit", "kick1.wav")

    def refuse(*_arguments: object) -> int:
        raise Unreadable("archive-damaged", "an odd one")

    monkeypatch.chdir(here.directory)
    with monkeypatch.context() as patched:
        patched.setattr(Rewriter, "rewrite", refuse)
        with pytest.raises(SystemExit) as ended:
            main(["takedown", "--item", gone["id"], "--yes", "--quiet"])
        assert ended.value.code == 3
        said = capsys.readouterr().out
        assert "not finished" in said
        assert "taken down" not in said
        assert here.fetch(workers=1).exit_code == 3
        assert {found.code for found in verify(here.session()).findings} >= {"verify.takedown-unfinished"}
    summary = here.fetch(workers=1)
    assert (summary.exit_code, summary.swept["rewritten"]) == (0, 1)
    assert verify(here.session()).findings == ()
    assert here.fetch(workers=1).swept == {}


def test_older_releases_and_undeclared_sources_are_swept(here: Place) -> None:
    """After an update, and once a source is no longer declared, nothing of what left lies in the files that they had."""
    gone = item(here, "posts", "one.jsonl#row=3")
    old, kit = blob(here, gone), blob(here, item(here, "kit", "kick1.wav"))
    rows = lines(*({"text": text(n)} for n in range(10)))
    here.world.site.add("/one.jsonl", rows, media_type="application/jsonl")
    value = here.declaration
    del value["sources"]["kit"]
    here.declare(value)
    assert here.fetch(workers=1, update=("posts",)).exit_code == 0
    again = item(here, "posts", "one.jsonl#row=3")
    assert old.exists()
    assert kit.exists()
    assert blob(here, again) != old
    done = take(here, again["id"])
    assert done.selection.notes[0].endswith("are deleted as well: 2")
    assert (done.exit_code, done.summary.swept["superseded"], done.summary.swept["deleted"]) == (0, 2, 1)
    assert not old.exists()
    assert not kit.exists()
    assert blob(here, item(here, "posts", "two.jsonl#row=3")).exists()
    found = verify(here.session())
    assert (found.findings, found.unread) == ((), ())
    assert here.fetch(workers=1).changed is False
