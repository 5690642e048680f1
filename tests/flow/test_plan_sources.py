"""The plan over many sources: how many questions it costs, what it says of rights, and what becomes of the lock."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from acquisition.cli import planned, planned_value, present
from acquisition.cli.advice import next_of_status, next_steps
from acquisition.cli.status import status_text
from acquisition.demo.servers import Fault, World
from acquisition.errors import PlanChanged
from acquisition.pipeline import Session, check_lock, curate, fetch, lock, news, plan, release_list, status, update
from acquisition.pipeline.pinning.promised import read_promise, write_promise
from tests.flow.running import Place, codes, empty_place, source, stamps

pytestmark = pytest.mark.flow

CSV = b"text,label\nThe owl sits on the gate and waits for the evening.,a\nRain fell on the roof all night long.,b\n"
KAGGLE_CSV = b"text,label\nA fox runs over the field before it is light.,a\nThe lamp burns in the window all night.,b\n"
MIT = """MIT License

Copyright (c) 2026 The Owners

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation \
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, \
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the \
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE \
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR \
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, \
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
USE = {"training": True, "commercial": True, "redistribute": True, "derivatives": True}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty world beside a directory for a declaration."""
    with empty_place(tmp_path) as opened:
        yield opened


def card(license_name: str) -> str:
    """A data set's card."""
    return f"---\nlicense: {license_name}\n---\n# Rows\n" if license_name else "# Rows\n"


def hub(world: World, name: str, license_name: str, files: Mapping[str, bytes] | None = None) -> dict[str, Any]:
    """Publish a data set on the stand-in of the Hub and return its block."""
    world.hub.add(f"owner/{name}", {"rows.csv": CSV, **(files or {})}, card(license_name))
    return {
        "kind": "huggingface",
        "repo": f"owner/{name}",
        "base_url": world.hub.base_url,
        "files": {"exclude": ["README.md"]},
        "items": {"text": "text", "label": "label"},
    }


def kaggle(world: World, name: str, code: str = "CC0-1.0", **facts: Any) -> dict[str, Any]:
    """Publish a data set on the stand-in of Kaggle and return its block."""
    world.kaggle.add("owner", name, {"rows.csv": KAGGLE_CSV}, license_code=code, license_display=code, **facts)
    block = {"kind": "kaggle", "dataset": f"owner/{name}", "base_url": world.kaggle.base_url}
    return {**block, "auth": {"env": "DEMO_KAGGLE_TOKEN"}, "items": {"text": "text", "label": "label"}}


def uci(world: World, number: int) -> dict[str, Any]:
    """Publish a data set on the stand-in of the UCI repository and return its block."""
    world.uci.add(number, f"Rows {number}", f"rows+{number}", {"rows.csv": CSV}, num_instances=2)
    return {"kind": "uci", "id": number, "base_url": world.uci.base_url, "items": {"text": "text", "label": "label"}}


def twenty(place: Place) -> dict[str, Any]:
    """Twenty sources of seven kinds."""
    world = place.world
    found: dict[str, Any] = {f"hub-{n}": hub(world, f"hub-{n}", "cc-by-4.0") for n in range(5)}
    found |= {f"kaggle-{n}": kaggle(world, f"kaggle-{n}") for n in range(5)}
    found |= {f"uci-{n}": uci(world, 700 + n) for n in range(3)}
    for n in range(3):
        url = world.site.add(f"/rows-{n}.csv", CSV, media_type="text/csv")
        found[f"http-{n}"] = {"kind": "http", "url": url, "license": {"declared": "CC0-1.0"}}
    for n in range(2):
        (place.directory / f"shed-{n}").mkdir()
        (place.directory / f"shed-{n}" / "rake.txt").write_text("A rake leans against the wall behind the shed.")
        found[f"shed-{n}"] = {"kind": "local", "path": f"shed-{n}", "license": {"declared": "MIT"}}
    world.collective.add("cm1", b"no archive yet", slug="mcv-scripted-xx-v1")
    voices = {"kind": "common_voice", "dataset": "mcv-scripted-xx-v1", "accept_terms": True}
    found["voices"] = {**voices, "base_url": world.collective.base_url, "auth": {"env": "DEMO_MDC_KEY"}}
    found["pages"] = {"kind": "spider", "start": [f"{world.site.base_url}/"], "delay": "5ms"}
    return found


def asked(world: World, since: int = 0) -> dict[str, int]:
    """Return how many questions each server was asked."""
    counts: dict[str, int] = {}
    for request in world.log[since:]:
        counts[request.face] = counts.get(request.face, 0) + 1
    return counts


def value_of(session: Session, **how: Any) -> dict[str, Any]:
    """Return a plan as the JSON document that the command prints, checked against the published schema."""
    schema = json.loads((Path(planned_value.__file__).parents[1] / "plan" / "plan.schema.json").read_bytes())
    made = plan(session, **how)
    value: dict[str, Any] = json.loads(
        json.dumps({"schema_version": 1, "kind": "plan", **planned_value.plan_value(made)}, default=str)
    )
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(value)
    assert max(map(len, planned.plan_text(made).splitlines())) <= 100
    return value


def test_twenty_sources_cost_what_their_listings_cost(place: Place) -> None:
    """Two questions for a data set of the Hub (card, tree), three for Kaggle's, two for UCI's, one for the Collective's.

    Nothing is asked for files by address, folders and pages. A second plan asks nobody, and says the same of every license.
    """
    place.declare_sources(twenty(place))
    first = value_of(place.session())
    assert len(first["sources"]) == 20
    assert {source["error"]["code"] for source in first["sources"] if source["error"]} == set()
    assert asked(place.world) == {"hub": 10, "kaggle": 15, "uci": 6, "collective": 1}
    assert not place.world.requests("storage")
    since = len(place.world.log)
    second = value_of(place.session())
    assert asked(place.world, since) == {}
    told = [(source["name"], source["license"]["concluded"], source["items"]) for source in first["sources"]]
    assert [(source["name"], source["license"]["concluded"], source["items"]) for source in second["sources"]] == told
    assert {name: items for name, _, items in told}["uci-0"] == 2
    assert {source["sign"] for source in second["sources"]} <= {"=", ""}


def test_a_plan_says_what_a_lawyer_asks(place: Place) -> None:
    """License, evidence, duties, rulings by code and rule, conflicts among what is kept, terms, and who accepted them."""
    world = place.world
    sources = {
        "shared": hub(world, "shared", "cc-by-sa-4.0"),
        "unsold": hub(world, "unsold", "cc-by-nc-4.0"),
        "unsaid": hub(world, "unsaid", ""),
        "texted": hub(world, "texted", "", {"LICENSE": MIT.encode()}),
        "closed": hub(world, "closed", "cc-by-nd-4.0"),
        "pages": {"kind": "spider", "start": [f"{world.site.base_url}/"], "delay": "5ms"},
    }
    place.declare_sources(sources, contact=None, dataset={"name": "flow", "use": {**USE, "commercial": False}})
    value = value_of(place.session())
    found = {source["name"]: source for source in value["sources"]}
    assert found["shared"]["license"]["duties"]
    assert any("cardData.license says 'cc-by-sa-4.0'" in text for text in found["shared"]["license"]["shown_by"])
    assert found["unsaid"]["license"]["outcome"] == "hold"
    assert [(one["code"], one["rule"]) for one in found["unsaid"]["license"]["rulings"]] == [
        ("license.unknown", "license.unknown -> hold")
    ]
    assert found["texted"]["license"]["concluded"] == "MIT"
    assert any(text.startswith("the text of LICENSE gives") for text in found["texted"]["license"]["shown_by"])
    assert [text["path"] for text in found["texted"]["license"]["texts"]] == ["LICENSE"]
    assert found["closed"]["error"]["code"] == "license-refused"
    assert "license.denied: cc-by-nd-4.0 → CC-BY-ND-4.0" in found["closed"]["error"]["message"]
    assert found["pages"]["error"]["code"] == "no-contact"
    pairs = [sorted(name for names in one["sources"] for name in names) for one in value["conflicts"]]
    assert ["shared", "unsold"] in pairs
    assert not any({"closed", "unsaid"} & set(pair) for pair in pairs)
    assert not any(request.path.endswith("rows.csv") for request in world.log)
    since = len(world.log)
    again = {source["name"]: source for source in value_of(place.session())["sources"]}
    assert asked(world, since) == {}
    assert again["texted"]["license"]["concluded"] == "MIT"


def test_a_drift_is_an_alarm_first_and_is_not_taken_where_policy_forbids_it(place: Place) -> None:
    """Upstream goes from CC BY to non-commercial: shown with both and their evidence, not taken; what is held stays."""
    sources = {"rows": kaggle(place.world, "rows", "CC-BY-4.0"), "calm": hub(place.world, "calm", "cc0-1.0")}
    place.declare_sources(sources, dataset={"name": "flow", "use": USE})
    place.fetch()
    before, kept = place.session().lock_path.read_bytes(), len(place.items())
    kaggle(place.world, "rows", "CC-BY-NC-4.0")
    value = value_of(place.session(), update=("rows",))
    drift = value["drift"][0]
    assert (drift["was"]["concluded"], drift["now"]["concluded"]) == ("CC-BY-4.0", "CC-BY-NC-4.0")
    assert (drift["refused"], drift["files_held"], drift["outcomes"]) == (True, 1, ["keep", "drop"])
    assert drift["was"]["evidence"][0]["sha256"] != drift["now"]["evidence"][0]["sha256"]
    text = planned.plan_text(plan(place.session(), update=("rows",)))
    assert text.startswith("error[license-drift]")
    summary = place.fetch(update=("rows",))
    assert (codes(summary), summary.exit_code) == ({"rows": ["license-drift"]}, 5)
    assert len(place.items()) == kept
    assert place.session().lock_path.read_bytes() == before
    assert check_lock(place.session())[0].code == "license-drift"


def test_a_license_that_changes_before_the_bytes_have_come_is_seen(place: Place) -> None:
    """Pinned by a plan, not here yet, and relicensed: fetch asks once more, refuses the source and takes the others.

    With a plan file nothing at all is moved, and the license is the first difference that is named.
    """
    sources = {"rows": kaggle(place.world, "rows", "CC-BY-4.0"), "calm": hub(place.world, "calm", "cc0-1.0")}
    place.declare_sources(sources, dataset={"name": "flow", "use": USE})
    target = place.directory / "plan.json"
    session = place.session()
    write_promise(target, session, plan(session))
    kaggle(place.world, "rows", "CC-BY-NC-4.0")
    ran = place.acquire("fetch", "plan.json", "--json", "--quiet")
    assert (ran.code, ran.value["error"]["code"]) == (5, "plan-changed")
    assert "license" in ran.value["error"]["message"].splitlines()[1]
    assert not place.workspace.joinpath("blobs").exists()
    summary = place.fetch(until="fetch")
    assert codes(summary) == {"rows": ["license-drift"]}
    assert not place.world.requests("kaggle", "/api/v1/datasets.DatasetApiService/DownloadDataset")


def test_update_shows_moves_and_compares(place: Place) -> None:
    """A new commit is news; it is taken, its items come into the set, and what is fixed or crawled is left and said."""
    place.declare_sources(
        {
            "calm": hub(place.world, "calm", "cc0-1.0"),
            "fixed": {**kaggle(place.world, "fixed"), "version": 1},
            "sold": kaggle(place.world, "sold", "CC-BY-4.0"),
        },
        dataset={"name": "flow", "use": USE},
    )
    place.fetch()
    assert news(place.session()).changed == ()
    more = CSV + b"A third row says that the kettle is on the stove.,c\n"
    place.world.hub.add("owner/calm", {"rows.csv": more}, card("cc0-1.0"))
    ran = place.acquire("update", "--json")
    assert (ran.code, ran.value["taken"], ran.value["changed"][0]["changes"]["changed"]) == (5, False, ["rows.csv"])
    kaggle(place.world, "sold", "CC-BY-NC-4.0")
    session = place.session()
    found = news(session)
    assert [source.name for source in found.changed if source.drift is not None] == ["sold"]
    assert (found.names, [name for name, _ in found.left]) == (("calm",), ["fixed"])
    summary, difference = update(session, found)
    assert codes(summary) == {"sold": ["license-drift"]}
    assert difference is not None
    assert {(one.source, one.kind): one.items for one in difference.changes}["calm", "added"] == 1
    assert not list(place.workspace.glob(".manifest-before*"))
    assert [source.name for source in news(place.session()).changed] == ["sold"]


def test_an_update_of_everything_loses_nothing_to_a_license_that_policy_holds(place: Place) -> None:
    """Where nobody named the source, what is held stays in the set and the lock; named, the release is taken and waits.

    Until then the source is told as held back, by `status`, its next steps and `check --release`, also after other runs.
    """
    files = {"rows.csv": KAGGLE_CSV}
    place.declare_sources({"rows": hub(place.world, "rows", "cc-by-4.0", files), "calm": hub(place.world, "calm", "cc0-1.0")})
    place.fetch()
    assert status(place.session()).held_back == ()
    pin = place.session().lock.pins["rows"]
    hub(place.world, "rows", "", files)
    place.world.hub.add("owner/calm", {"rows.csv": CSV + b"A third row says that the kettle is on.,c\n"}, card("cc0-1.0"))
    found = news(place.session())
    assert found.names == ("calm",)
    summary, _ = update(place.session(), found)
    assert (codes(summary), summary.exit_code) == ({"rows": ["license-drift"]}, 5)
    assert [source(summary, name).outcomes for name in ("rows", "calm")] == [{"keep": 2}, {"keep": 3}]
    assert (place.session().lock.pins["rows"], lock(place.session(), refresh=True)[0].lock.pins["rows"]) == (pin, pin)
    assert "--update rows" in next_steps(summary)[0]
    (told,) = status(place.session()).held_back
    assert (told.name, told.message.startswith("the license of 'rows' has changed upstream")) == ("rows", True)
    assert "held back: rows: the license of 'rows' has changed" in status_text(status(place.session()))
    assert "sources.rows.license" in {one.where for one in release_list(place.session())}
    assert place.fetch().exit_code == 0
    assert "--update rows" in next_of_status(status(place.session()))[0]
    found = news(place.session(), ("rows",))
    assert found.names == ("rows",)
    summary, _ = update(place.session(), found)
    assert (codes(summary), source(summary, "rows").outcomes) == ({}, {"hold": 2})
    assert status(place.session()).held_back == ()


def test_files_without_version_or_digest_are_news_where_their_server_tells(place: Place) -> None:
    """A changed file is news and a finding; what its server cannot tell is said and fails nothing; one that is gone does."""
    site = place.world.site
    blocks = {"kind": "http", "license": {"declared": "CC0-1.0"}}
    sources = {name: {**blocks, "url": site.add(f"/{name}.csv", CSV, media_type="text/csv")} for name in ("calm", "moved")}
    place.declare_sources({**sources, "zipped": uci(place.world, 7), "rows": kaggle(place.world, "rows")})
    place.fetch(until="fetch")
    written = place.session().lock_path.read_bytes()
    assert [source.bytes_to_move for source in lock(place.session(), refresh=True)[0].sources if source.name == "rows"] == [0]
    assert place.session().lock_path.read_bytes() == written
    found = news(place.session())
    assert (found.changed, [name for name, _ in found.untold]) == ((), ["zipped"])
    assert [(one.code, one.fails) for one in check_lock(place.session())] == [("lock.untold", False)]
    site.add("/moved.csv", CSV + b"Snow fell over night on the hill.,b\n", media_type="text/csv")
    found = news(place.session())
    assert [(source.name, source.changes.changed) for source in found.changed if source.changes] == [("moved", ("moved.csv",))]
    assert found.names == ("moved",)
    assert check_lock(place.session())[0].code == "lock.digest-drift"
    place.world.faults.add(Fault("not-found", "calm.csv", times=None, face="site"))
    first = check_lock(place.session())[0]
    assert (first.code, first.source) == ("lock.gone", "calm")


def test_locked_fails_when_the_world_or_the_declaration_is_another(place: Place) -> None:
    """--locked asks and compares: as pinned it goes through; relicensed, gone or declared otherwise it does not.

    Then the set and the manifest stay as they stood, and the last line says for which source; where no set stands, one is made.
    """
    place.declare_sources({"rows": kaggle(place.world, "rows"), "calm": hub(place.world, "calm", "cc0-1.0")})
    place.fetch()
    written = place.session().lock_path.read_bytes()
    assert place.fetch(locked=True).exit_code == 0
    before = {name: stamps(place.workspace / name) for name in ("curated", "manifest")}
    block = kaggle(place.world, "rows", "CC-BY-4.0")
    summary = place.fetch(locked=True)
    assert (codes(summary), summary.exit_code, summary.reached) == ({"rows": ["license-drift"]}, 5, "stage")
    assert present.summary_text(summary).splitlines()[-1] == "the set stays as it stood: rows (license-drift)"
    assert {name: stamps(place.workspace / name) for name in before} == before
    for name in before:
        shutil.rmtree(place.workspace / name)
    assert place.fetch(locked=True).reached == "manifest"
    assert {item["source"] for item in place.items()} == {"calm"}
    value = place.declaration
    value["sources"]["calm"]["license"] = {"declared": "MIT"}
    value["sources"]["rows"] = {**block, "dataset": "owner/other"}
    place.declare(value)
    found = plan(place.session(), locked=True)
    assert [source.error.code for source in found.sources if source.error] == ["not-in-lock", "not-in-lock"]
    assert place.session().lock_path.read_bytes() == written


def test_offline_asks_nobody_and_names_what_is_missing(place: Place) -> None:
    """With the lock and the blobs the same set is built; without a blob the file is named, and nothing is pinned anew.

    What is not here, or declared otherwise, leaves the set as it stood; a curation without --offline goes on without it.
    """
    place.declare_sources({"rows": kaggle(place.world, "rows"), "calm": hub(place.world, "calm", "cc0-1.0")})
    place.fetch()
    written, since = place.session().lock_path.read_bytes(), len(place.world.log)
    assert place.fetch(offline=True).exit_code == 0
    assert {source["error"] for source in value_of(place.session(offline=True))["sources"]} == {None}
    ledger = (place.workspace / "manifest" / "items.parquet").read_bytes()
    value = place.declaration
    place.declare_sources({**value["sources"], "rows": {**value["sources"]["rows"], "dataset": "owner/other"}})
    summary = place.fetch(offline=True)
    assert (codes(summary), summary.stays) == ({"rows": ["not-here"]}, ("rows (not-here)",))
    assert (place.workspace / "manifest" / "items.parquet").read_bytes() == ledger
    place.declare(value)
    pin = place.session().lock.pins["calm"]
    sha256 = pin.held["rows.csv"]
    (place.workspace / "blobs" / sha256[:2] / sha256[2:]).unlink()
    summary = place.fetch(offline=True)
    assert codes(summary) == {"calm": ["not-here"]}
    assert "rows.csv" in summary.errors[0].message
    ran = place.acquire("curate", "--offline", "--json", "--quiet")
    assert (ran.code, ran.value["stays"]) == (5, ["calm (not-here)"])
    assert (place.workspace / "manifest" / "items.parquet").read_bytes() == ledger
    assert curate(place.session()).outcomes == {"keep": 2}
    place.declare_sources({**place.declaration["sources"], "new": hub(place.world, "new", "mit")})
    assert codes(place.fetch(offline=True, until="fetch"))["new"] == ["not-here"]
    assert asked(place.world, since) == {}
    assert place.session().lock_path.read_bytes() == written


def test_a_lock_is_written_and_checked_without_moving(place: Place) -> None:
    """`lock` pins and takes out; `lock --check` says what is not declared, not pinned, changed, incomplete, moved or gone."""
    place.declare_sources(
        {"rows": kaggle(place.world, "rows"), "calm": hub(place.world, "calm", "cc0-1.0"), "old": uci(place.world, 7)}
    )
    made, before = lock(place.session())
    assert (len(before.pins), len(made.lock.pins)) == (0, 3)
    assert not place.workspace.joinpath("blobs").exists()
    assert {one.code for one in check_lock(place.session(offline=True))} == {"lock.incomplete"}
    value = place.declaration
    del value["sources"]["old"]
    value["sources"]["calm"]["license"] = {"declared": "MIT"}
    value["sources"]["new"] = hub(place.world, "new", "mit")
    place.declare(value)
    place.world.kaggle.add(
        "owner", "rows", {"rows.csv": KAGGLE_CSV, "more.csv": CSV}, license_code="CC0-1.0", license_display="CC0-1.0"
    )
    found = {one.code: one for one in check_lock(place.session())}
    assert found.keys() >= {"lock.not-pinned", "lock.not-declared", "lock.own-word", "lock.moved"}
    text = place.session().lock_path.read_text().splitlines()
    line = int(found["lock.not-declared"].where.rsplit(":", 2)[1])
    assert '"old"' in text[line - 1]
    ran = place.acquire("lock", "--check", "--offline", "--json")
    assert (ran.code, ran.value["kind"]) == (1, "lock-check")
    assert sorted(lock(place.session(), refresh=True)[0].lock.restricted_to(value["sources"]).pins) == ["calm", "new", "rows"]
    assert place.session().lock.pins["rows"].release.revision == "2"
    place.session().lock_path.write_text(place.session().lock_path.read_text().replace('"revision": "2"', '"revision": "1"'))
    assert [one.code for one in check_lock(place.session())] == ["lock.damaged"]
    assert place.acquire("plan", "--json").value["error"]["code"] == "lock"


def test_what_hosts_said_is_pinned_with_the_crawl(place: Place) -> None:
    """The lock holds the digest of robots.txt and its words against use, a plan tells them, and a changed mind is a diff."""
    robots = b"User-agent: *\nAllow: /\n\nContent-Signal: search=yes, ai-train=no\n"
    place.world.site.robots(robots)
    place.world.site.add(
        "/index.html", "<html><body><p>The owl sits on the gate and waits.</p></body></html>", media_type="text/html"
    )
    start = f"{place.world.site.base_url}/index.html"
    place.declare_sources({"pages": {"kind": "spider", "start": [start], "delay": "5ms", "limits": {"depth": 0}}})
    place.fetch(until="fetch")
    hosts = {host.name: host for host in place.session().lock.pins["pages"].hosts}
    assert hosts["robots.txt"].sha256 == hashlib.sha256(robots).hexdigest()
    assert (hosts["robots.txt"].status, hosts["tdmrep"].status if "tdmrep" in hosts else 404) == (200, 404)
    assert any("train=deny" in signal for signal in hosts["robots.txt"].signals)
    since = len(place.world.log)
    value = value_of(place.session())
    assert any("train=deny" in text for text in value["sources"][0]["license"]["opt_outs"])
    assert check_lock(place.session()) == ()
    assert asked(place.world, since) == {}


def test_a_plan_goes_on_after_its_bytes_have_come(place: Place) -> None:
    """What bytes alone could tell is no other plan: digests, the revision that they pin, a crawl. Another file is, by name."""
    page = "<html><body><p>The owl sits on the gate and waits for the evening.</p></body></html>"
    start = place.world.site.add("/index.html", page)
    place.world.site.robots(b"User-agent: *\nAllow: /\n\nContent-Signal: ai-train=no\n")
    table = place.world.site.add("/rows.csv", CSV, media_type="text/csv")
    place.declare_sources(
        {
            "rows": kaggle(place.world, "rows"),
            "calm": hub(place.world, "calm", "cc0-1.0"),
            "table": {"kind": "http", "url": table, "license": {"declared": "CC0-1.0"}},
            "zipped": uci(place.world, 7),
            "pages": {"kind": "spider", "start": [start], "delay": "5ms", "limits": {"depth": 0}},
        }
    )
    target = place.directory / "plan.json"
    session = place.session()
    write_promise(target, session, plan(session))
    lost = place.world.faults.add(Fault("not-found", "rows.csv", times=None, face="site"))
    summary = fetch(place.session(), until="fetch", planned=target)
    assert (list(codes(summary)), place.world.faults.hits(lost) > 0) == (["table"], True)
    place.world.faults.clear()
    for _ in range(2):
        assert fetch(place.session(), until="fetch", planned=target).exit_code == 0
    place.world.hub.add("owner/calm", {"rows.csv": CSV + b"Snow,b\n", "more.csv": CSV}, card("cc0-1.0"))
    place.session().lock_path.unlink()
    with pytest.raises(PlanChanged) as refused:
        fetch(place.session(), until="fetch", planned=target)
    assert f"calm: files differ: + more.csv, ~ rows.csv ({len(CSV):,} → {len(CSV) + 7:,} bytes)" in refused.value.message


def test_a_plan_file_that_was_cut_or_edited_names_its_line(place: Place) -> None:
    """A seal per source and one for the rest: the entry that was edited is named, and a cut file its end."""
    place.declare_sources({"calm": hub(place.world, "calm", "cc0-1.0")})
    target = place.directory / "plan.json"
    session = place.session()
    write_promise(target, session, plan(session))
    whole = target.read_text()
    assert read_promise(target)["sources"]["calm"]["license_concluded"] == "CC0-1.0"
    for text, said in (
        (whole.replace("CC0-1.0", "MIT", 1), "sources.calm: this was changed by hand"),
        (whole.replace('"only": []', '"only": ["calm"]'), "something beside the sources"),
        (whole[: len(whole) // 2], "ends in the middle"),
    ):
        target.write_text(text)
        ran = place.acquire("fetch", "plan.json", "--json", "--quiet")
        assert (ran.code, ran.value["error"]["code"]) == (2, "usage")
        assert said in ran.value["error"]["message"]
        assert int(ran.value["error"]["where"].rsplit(":", 2)[1]) >= 1
