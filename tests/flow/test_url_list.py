"""A list of media addresses from sources.yaml to the curated set, over loopback hosts of every temper, and through kill -9."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.flow.media_hosts import MediaHosts, picture, serving
from tests.flow.running import Place, empty_place, source

pytestmark = pytest.mark.flow


def declared(hosts: MediaHosts, table: str, **more: Any) -> dict[str, Any]:
    """A list on our own machine, without delays."""
    return {
        "kind": "url_list",
        "table": table,
        "delay": 0,
        "latency_factor": 0,
        "own_hosts": hosts.names,
        **more,
    }


def write_table(place: Place, rows: Sequence[Mapping[str, Any]], name: str = "list.csv") -> None:
    """Write rows beside sources.yaml."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns)
    writer.writeheader()
    writer.writerows(rows)
    (place.directory / name).write_text(buffer.getvalue())


def run_folder(place: Place, name: str = "pictures") -> Path:
    """The folder of the newest run."""
    return max((place.workspace / "crawl" / name).glob("run-*"))


def lines(place: Place) -> list[dict[str, Any]]:
    """The items that the crawl wrote down."""
    paths = sorted(run_folder(place).glob("*.items.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def stats(place: Place) -> dict[str, Any]:
    """What came of the list."""
    found: dict[str, Any] = json.loads((run_folder(place) / "list-stats.json").read_bytes())
    return found


def said(header: str) -> str:
    """A path whose answer has this header line."""
    return f"/said/{quote(header, safe='')}/x.jpg"


X_ROBOTS = {
    "noai": "deny",
    "NOAI": "deny",
    "noindex, nofollow": "none",
    "none": "none",
    "acquisition: noai": "deny",
    "otherbot: noai": "none",
    "unavailable_after: 25 Jun 2010 15:00:00 PST, noai": "deny",
    "max-image-preview: large, noai": "deny",
}
"""The rows of the table in which img2dataset's parser was measured, and the word on training that each has to become."""


def test_a_list_becomes_a_set(tmp_path: Path) -> None:
    """Everything that a list can meet, from the declaration to the manifest: what is kept, what is not, and why."""
    closed = {"127.0.0.11": b"User-agent: *\nDisallow: /\n", "127.0.0.12": b"User-agent: GPTBot\nDisallow: /\n"}
    reserved = b'[{"location": "/", "tdm-reservation": 1}]'
    files = {("127.0.0.10", "/.well-known/tdmrep.json"): reserved}
    with serving(MediaHosts(robots=closed, files=files)) as hosts, empty_place(tmp_path) as place:
        changed = hashlib.md5(b"another picture").hexdigest()
        good = [
            {"URL": hosts.url(f"/good/{number}.{form}", host), "TEXT": f"picture {number}", "md5": ""}
            for number, (form, host) in enumerate([("jpg", 1), ("png", 2), ("webp", 1), ("gif", 2)])
        ]
        good[1]["license"] = "CC0-1.0"
        good[0]["md5"] = hashlib.md5(picture("/good/0")).hexdigest()
        moved = hosts.url("/to/" + quote(hosts.url("/good/moved.jpg", 2), safe=""), 3)
        circle = hosts.url("/to/" + quote("/to/again", safe=""), 3)
        forbidden = hosts.url("/to/" + quote(hosts.url("/private/x.jpg", 2), safe=""), 3)
        bad = {
            hosts.url("/nowhere.jpg", 3): "http-404",
            hosts.url("/gone.jpg", 4): "http-410",
            hosts.url("/denied.jpg", 4): "http-403",
            hosts.url("/html.jpg", 4): "not-media",
            hosts.url("/pixel.gif", 5): "too-small",
            hosts.url("/corrupt.jpg", 5): "corrupt",
            hosts.url("/bomb.png", 5): "too-many-pixels",
            hosts.url("/empty.jpg", 5): "empty",
            hosts.url("/large.jpg", 6): "too-large",
            hosts.url("/good/changed.jpg", 6): "hash-mismatch",
            hosts.url("/private/x.jpg", 1): "robots",
            hosts.url("/good/closed.jpg", 11): "robots",
            forbidden: "robots",
            circle: "redirect-loop",
            "ftp://127.0.0.1/x.jpg": "scheme",
            "": "no-url",
            "http://10.0.0.1/x.jpg": "address",
            "http://169.254.169.254/latest/meta-data": "address",
        }
        rows = [*good, {"URL": moved, "TEXT": "moved"}, {"URL": hosts.url("/busy.jpg", 7), "TEXT": "busy"}]
        rows += [{"URL": url, "TEXT": "bad", "md5": changed if "changed" in url else ""} for url in bad]
        rows += [{"URL": hosts.url(said(f"X-Robots-Tag: {header}"), 8), "TEXT": header} for header in X_ROBOTS]
        rows += [{"URL": hosts.url("/good/reserved.jpg", 10), "TEXT": "tdmrep"}]
        rows += [{"URL": hosts.url("/good/agents.jpg", 12), "TEXT": "agents"}, good[1]]
        write_table(place, rows)
        place.declare_sources(
            {"pictures": declared(hosts, "list.csv", max_response=100_000, per_host={"errors": 50})},
            curated={"layout": "folders"},
        )
        summary = place.fetch()
        of_run = {line["url"]: line for line in lines(place)}
        told = stats(place)
        refusals = [json.loads(line) for line in (run_folder(place) / "refusals.jsonl").read_text().splitlines()]
        asked = hosts.asked()
        kept = place.items()

    # what was not taken, each under its own word
    why = {one["url"]: one["reason"] for one in refusals}
    agents = hosts.url("/good/agents.jpg", 12)
    assert {url: why.get(url) for url in bad if url} == {url: reason for url, reason in bad.items() if url}
    assert why[agents] == "opt-out"
    assert (told["count"], told["listed_twice"], told["hash_mismatches"]) == (len(rows), 1, 1)
    assert told["status_dict"]["no-url"] == 1
    assert sum(told["status_dict"].values()) == len(rows)
    assert told["failed_to_download"] == len(rows) - told["successes"]
    # nobody was asked who must not be
    assert not any("/private/" in path or path.startswith("127.0.0.11") for path in asked)
    assert f"127.0.0.12{agents.partition(str(hosts.port))[2]}" not in asked
    assert asked["127.0.0.7/busy.jpg"] == 2
    # what was taken
    taken = {row["URL"]: row["TEXT"] for row in rows if row["URL"] not in bad and row["URL"] != agents}
    assert set(of_run) == set(taken)
    assert {url: line["item"]["caption"] for url, line in of_run.items()} == taken
    assert of_run[moved]["redirects"] == [[moved, 302]]
    assert of_run[moved]["final_url"] == hosts.url("/good/moved.jpg", 2)
    assert of_run[good[3]["URL"]]["media_type"] == "image/gif"
    for header, train in X_ROBOTS.items():
        line = of_run[hosts.url(said(f"X-Robots-Tag: {header}"), 8)]
        assert (line["verdicts"]["train"] == "deny") == (train == "deny"), header
    assert of_run[hosts.url("/good/reserved.jpg", 10)]["verdicts"]["train"] == "deny"
    assert all(
        line["robots"]["verdict"] == "allow" and line["reason"].startswith("list: list.csv#row=") for line in of_run.values()
    )
    # what the set holds of it
    pictures = source(summary, "pictures")
    assert (pictures.items, len(kept)) == (len(taken), len(taken))
    rows_of = {row["url"]: row for row in kept}
    for header in (header for header, train in X_ROBOTS.items() if train == "deny"):
        assert rows_of[hosts.url(said(f"X-Robots-Tag: {header}"), 8)]["outcome"] == "drop", header
    assert rows_of[hosts.url("/good/reserved.jpg", 10)]["outcome"] == "drop"
    first = rows_of[good[0]["URL"]]
    assert first["content_sha256"] == hashlib.sha256(picture("/good/0")).hexdigest()
    assert (first["concluded_spdx"], first["outcome"] == "keep") == ("NOASSERTION", False)
    assert first["signals"] is not None
    second = rows_of[good[1]["URL"]]
    assert (second["concluded_spdx"], second["outcome"]) == ("CC0-1.0", "keep")
    assert (place.workspace / "curated" / second["path"]).read_bytes() == picture("/good/1", form="png")


def big_list(place: Place, hosts: MediaHosts, count: int) -> list[str]:
    """Declare a list of many pictures on all hosts, with their digests."""
    urls = [hosts.url(f"/good/{index}.jpg", index % hosts.hosts + 1) for index in range(count)]
    digests = [hashlib.sha256(picture(f"/good/{index}")).hexdigest() for index in range(count)]
    table = pa.table({"url": urls, "caption": [f"number {index}" for index in range(count)], "sha256": digests})
    pq.write_table(table, place.directory / "list.parquet")
    place.declare_sources({"pictures": declared(hosts, "list.parquet", concurrency=4)})
    return urls


def test_a_list_that_is_killed_goes_on(tmp_path: Path) -> None:
    """Kill -9 twice in the middle: the same command goes on, no address is lost, no item written twice, few asked twice."""
    with serving(MediaHosts(latency=0.01)) as hosts, empty_place(tmp_path) as place:
        urls = big_list(place, hosts, 1_500)
        for part in (0.3, 0.6):
            child = place.start("fetch", "--until", "stage")
            deadline = time.monotonic() + 60
            while sum(hosts.asked().values()) < part * len(urls) and time.monotonic() < deadline:
                assert child.poll() is None, child.communicate()
                time.sleep(0.02)
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
        done = place.acquire("fetch", "--until", "stage", "--json")
        assert done.code == 0, done.err
        found = lines(place)
        asked = hosts.asked()
        told = stats(place)
    assert sorted(line["url"] for line in found) == sorted(urls)
    assert len({line["locator"] for line in found}) == len(urls)
    assert (told["count"], told["successes"], told["waiting"], told["listed_twice"]) == (1_500, 1_500, 0, 0)
    again = {path: number for path, number in asked.items() if number > 1}
    assert len(asked) == len(urls)
    assert sum(again.values()) - len(again) <= 2 * 4 * hosts.hosts


def test_politeness_is_kept_on_every_host(tmp_path: Path) -> None:
    """With a delay, no two requests to one host are closer than it, robots.txt included, while hosts go side by side."""
    with serving(MediaHosts(hosts=6)) as hosts, empty_place(tmp_path) as place:
        urls = [hosts.url(f"/good/{index}.jpg", index % 6 + 1) for index in range(18)]
        (place.directory / "list.txt").write_text("\n".join(urls))
        place.declare_sources({"pictures": declared(hosts, "list.txt", delay=0.2)})
        place.fetch(until="stage")
        found = lines(place)
    assert len(found) == 18
    for name in hosts.names:
        times = sorted(at for host, _, at in hosts.log if host == name)
        assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.2
    span = max(at for *_, at in hosts.log) - min(at for *_, at in hosts.log)
    assert span < 6 * 7 * 0.2  # one host after the other would take that long


def test_a_remote_table_is_brought_here_first(tmp_path: Path) -> None:
    """A list behind an address is read as a local one is, kept beside the crawl with its digest, and asked for once."""
    table = "caption,image_url\n" + "".join(f"number {index},http://127.0.0.2:PORT/good/{index}.jpg\n" for index in range(5))
    with serving(MediaHosts(hosts=2)) as hosts, empty_place(tmp_path) as place:
        body = table.replace("PORT", str(hosts.port)).encode()
        hosts.files = {("127.0.0.1", "/lists/five.csv"): body}
        place.declare_sources({"pictures": declared(hosts, hosts.url("/lists/five.csv"))})
        place.fetch(until="stage")
        found = lines(place)
        asked = hosts.asked()
    told = json.loads((place.workspace / "crawl" / "pictures" / "lists" / "lists.json").read_bytes())["lists"]
    assert sorted(line["reason"] for line in found) == [f"list: five.csv#row={index}" for index in range(5)]
    assert [(one["sha256"], one["taken"]) for one in told] == [(hashlib.sha256(body).hexdigest(), 5)]
    assert asked["127.0.0.1/lists/five.csv"] == 1


def test_who_cuts_or_drips_costs_his_own_host(tmp_path: Path) -> None:
    """A body that ends too early or never ends is a failure after its tries; the other hosts are long done by then."""
    with serving(MediaHosts(hosts=3)) as hosts, empty_place(tmp_path) as place:
        good = [hosts.url(f"/good/{index}.jpg", 3) for index in range(20)]
        (place.directory / "list.txt").write_text("\n".join([hosts.url("/cut.jpg", 1), hosts.url("/drip.jpg", 2), *good]))
        place.declare_sources({"pictures": declared(hosts, "list.txt")})
        place.fetch(until="stage")
        found, told = lines(place), stats(place)
        last_good = max(at for host, path, at in hosts.log if path.startswith("/good/"))
        asked = hosts.asked()
        span = max(at for *_, at in hosts.log) - last_good
    assert sorted(line["url"] for line in found) == sorted(good)
    assert sum(told["failed"].values()) == 2
    assert "truncated" in told["failed"]
    assert asked["127.0.0.1/cut.jpg"] == 3
    assert span > 1


def test_an_own_host_is_opened_by_the_declaration_alone(tmp_path: Path) -> None:
    """Without own_hosts a list cannot lead to our own machine, whatever stands in it."""
    with serving(MediaHosts(hosts=1)) as hosts, empty_place(tmp_path) as place:
        (place.directory / "list.txt").write_text(hosts.url("/good/1.jpg"))
        place.declare_sources({"pictures": declared(hosts, "list.txt", own_hosts=[])})
        place.fetch(until="stage")
        told = stats(place)
    assert told["refused"] == {"address": 1}
    assert hosts.log == []


def test_the_plan_names_what_is_wrong_with_a_list(tmp_path: Path) -> None:
    """A missing column is told before anybody is asked for anything; the error has the columns that there are."""
    with serving(MediaHosts(hosts=1)) as hosts, empty_place(tmp_path) as place:
        (place.directory / "list.csv").write_text("address,words\nhttp://127.0.0.1/x.jpg,x\n")
        place.declare_sources({"pictures": declared(hosts, "list.csv")})
        planned = place.acquire("plan")
        assert planned.code != 0
        assert "address, words" in planned.err + planned.out
        assert "columns" in planned.err + planned.out
        assert hosts.log == []
