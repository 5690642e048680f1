"""A sweep that is killed, with kill -9, between any two changes of the disk: the same command again finishes it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from acquisition.demo.archives import zip_bytes
from acquisition.pipeline import verify
from acquisition.pipeline.withdrawal.asking import Request, Wanted
from acquisition.pipeline.withdrawal.takedown import Grounds, takedown
from tests.flow.running import ROOT, Place, empty_place, plain_environment
from tests.flow.test_takedown import BLOCKS, CC0, item, lines, text, tone
from tests.unit.test_takedown_crawls import BAD, GOOD, crawl, left_in

pytestmark = pytest.mark.flow
KILLS: Final = 5
DYING: Final = """
import os, signal, sys
from acquisition import cli
from acquisition.pipeline import run
from acquisition.pipeline.withdrawal import takedown
from acquisition.takedown import sweeping

plain = run.sweep_away

def die_at(left):
    def sweep_away(*arguments, **options):
        def changes(event, _):
            nonlocal left
            if event in {"os.rename", "os.remove", "os.link", "tempfile.mkstemp"}:
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(changes)
        return plain(*arguments, **options)
    run.sweep_away = sweep_away
    cli.main(sys.argv[2:])

for moment in sys.argv[1].split(","):
    if not (child := os.fork()):
        die_at(int(moment))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""The command line in processes that kill themselves before the n-th change of the disk after their sweep began."""


def serve(place: Place) -> None:
    """An archive that others need, a table, a file with nothing else in it, and a crawl of long ago."""
    add = place.world.site.add
    http: dict[str, Any] = {"kind": "http", "license": CC0, "items": {"as": "files"}}
    sounds = {f"kick{number}.wav": tone(200 + 90 * number) for number in range(3)}
    rows = add("/posts.jsonl", lines(*({"text": text(n)} for n in range(6))), media_type="application/jsonl")
    sources = {
        "kit": http | {"url": add("/kit.zip", zip_bytes(sounds), media_type="application/zip")},
        "posts": http | {"url": rows, "items": {"as": "rows", "text": "text"}},
        "letter": http | {"url": add("/letter.txt", text(60).encode(), media_type="text/plain")},
    }
    place.declare_sources(json.loads(json.dumps(sources)), **BLOCKS)
    crawl(place.workspace / "crawl" / "old")


def die(place: Place, moments: list[int], *arguments: str) -> None:
    """Run the command line once for each of these changes of the disk, each until it comes to it."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, ",".join(map(str, moments)), *arguments],
        cwd=place.directory,
        env=plain_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        check=False,
    )
    ended = [int(line) for line in done.stdout.splitlines() if line.strip("-").isdecimal()]
    assert ended == [-signal.SIGKILL] * len(moments), done.stderr[-2000:]


def test_kills_within_the_sweep_are_finished(tmp_path: Path) -> None:
    """Five seeded kills in one workspace, then the command once more: nothing is left, and all that stays is there."""
    moments = random.Random(20_261_121)
    with empty_place(tmp_path / "world") as place:
        serve(place)
        assert place.fetch(workers=1).exit_code == 0
        gone = [item(place, "kit", "kick1.wav"), item(place, "posts", "#row=3"), item(place, "letter", "letter.txt")]
        named = [word for row in gone for word in ("--item", row["id"])]
        die(place, [moments.randint(2, 9) for _ in range(KILLS)], "takedown", *named, "--url", BAD, "--yes", "--quiet")
        wanted = (*(Wanted("item", row["id"]) for row in gone), Wanted("url", BAD))
        assert takedown(place.session(workers=1), Request(wanted), Grounds()).exit_code == 0
        found = verify(place.session())
        assert (found.findings, found.unread) == ((), ())
        kept = {(row["source"], row["locator"]) for row in place.items() if row["path"]}
        assert kept == {("kit", f"kit.zip!/kick{n}.wav") for n in (0, 2)} | {
            ("posts", f"posts.jsonl#row={n}") for n in range(6) if n != 3
        }
        for run in (place.workspace / "crawl" / "old").iterdir():
            held = left_in(run)
            assert (b"secret words" in held, BAD.encode() in held, GOOD.encode() in held) == (False, False, True)
