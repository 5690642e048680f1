"""The plan: what the lock pins is asked of nobody, what changed is named, and refusals come before bytes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from acquisition.errors import Interrupted, LicenseRefused, LimitReached, NotHere, NotInLock, PluginError, SourceNotFound
from acquisition.lock import Lock, Pin, identity
from acquisition.model import NO_CLAIM, Asset, Digest, Duties, LicenseClaim, LicenseConclusion, Release
from acquisition.plan import PlannedSource, Planner, Rights, Standing, Texts, compare, describe, is_archive, still_held
from acquisition.protocols import ResolveContext, Source
from acquisition.settings import SourceSettings

CONCLUSION = LicenseConclusion("MIT", "MIT", "dataset", Duties(), "yes", "yes", "yes", "yes")
RELEASE = Release(
    source="a",
    kind="fake",
    revision="1",
    assets=(Asset("x.csv", size=10), Asset("pack.zip", size=20), Asset("notes.txt", size=None)),
)


@dataclass
class World:
    """One adapter and what it was asked."""

    current: ClassVar[World]

    answer: Callable[[], Release] = lambda: RELEASE
    asked: list[str] = field(default_factory=list)
    mover: str = "downloader"

    def resolve(self, source: Source, context: Any) -> Release:
        """Answer as told."""
        self.asked.append(source.name)
        return self.answer()


@pytest.fixture
def world() -> World:
    """A world with one kind of source."""
    World.current = World()
    return World.current


def settings(**values: Any) -> SourceSettings:
    """Settings of a source."""
    return SourceSettings.model_validate_json(json.dumps({"kind": "fake", **values}))


def planned(
    lock: Lock | None = None, *, holds: Any = False, rights: str = "keep", own: Any = None, **options: Any
) -> PlannedSource:
    """Plan one source called a."""
    context = ResolveContext(None, {}, lambda: "t", Path(), "ua")  # type: ignore[arg-type]  # the fake adapter asks nobody
    options.setdefault(
        "judge",
        lambda source, release, texts: Rights(CONCLUSION, ("license.denied",) if rights != "keep" else (), rights),
    )
    planner = Planner(
        lock=lock or Lock(),
        adapter=lambda source: World.current,  # type: ignore[arg-type, return-value]  # only what planning asks of it
        context=lambda source, pin: context,
        override=lambda source, release, context: release,
        holds=holds if callable(holds) else lambda sha256: holds,
        crawled=lambda source, pin: None,
        **options,
    )
    return planner.plan([Source("a", own or settings(), "sources.yaml:3:1")])[0]


def pinned(held: dict[str, str] | None = None, release: Release = RELEASE) -> Lock:
    """A lock that pins the source called a."""
    return Lock({"a": Pin(identity(settings()), release, held or {})})


def test_what_the_lock_pins_is_asked_of_nobody(world: World) -> None:
    """A pinned source comes from the lock; what is held moves no byte."""
    held = {asset.path: "aa" for asset in RELEASE.assets}
    source = planned(pinned(held), holds=True)
    assert world.asked == []
    assert (source.action, source.bytes_to_move, source.state) == ("reuse", 0, "pinned")


def test_what_is_not_held_is_downloaded(world: World) -> None:
    """Files whose bytes are gone are to move again, and unknown sizes are counted apart."""
    source = planned(pinned({"x.csv": "aa"}), holds=True)
    assert (source.action, source.bytes_to_move, source.unknown_sizes) == ("download", 20, 1)
    assert planned(pinned({"x.csv": "aa"}), holds=False).bytes_to_move == 30


def test_a_source_of_own_files_that_is_taken_down_as_a_whole_is_planned(world: World) -> None:
    """Nobody knows digests of one's own files before they are read; nothing of them is taken, and the plan says so."""
    world.answer = lambda: replace(RELEASE, revision="", assets=(Asset("x.csv", size=10, local_path="/own/x.csv"),))
    source = planned(gone=lambda name, asset, sha256: True)
    assert (source.error, source.action, source.taken, source.withdrawn) == (None, "reuse", (), {"x.csv": ""})


def test_files_choose_assets_and_archives_wait_for_their_members(world: World) -> None:
    """`files` leaves assets out; an archive stays, because its members are chosen later, unless it is excluded."""
    own = settings(files={"include": ["*.csv"]})
    source = planned(own=own)
    assert [asset.path for asset in source.taken] == ["x.csv", "pack.zip"]
    assert source.left_out == 1
    none = planned(own=settings(files={"include": ["*.csv"], "exclude": ["*.zip"]}))
    assert [asset.path for asset in none.taken] == ["x.csv"]


def test_a_redeclared_source_is_resolved_anew_and_compared(world: World) -> None:
    """When the declaration names something else, the pin does not count, and the plan says what differs."""
    lock = Lock({"a": Pin("another identity", replace(RELEASE, revision="0", assets=RELEASE.assets[:1]))})
    source = planned(lock)
    assert world.asked == ["a"]
    assert source.state == "redeclared"
    assert source.changes is not None
    assert source.changes.added == ("notes.txt", "pack.zip")


def test_update_shows_what_changed_upstream(world: World) -> None:
    """With --update the origin is asked again; licenses are compared as well as files."""
    world.answer = lambda: replace(RELEASE, revision="2", license=LicenseClaim(("cc-by-nc-4.0",), "huggingface"))
    source = planned(pinned(), update=frozenset({"a"}))
    assert source.state == "updated"
    assert source.changes is not None
    assert source.changes.revision == ("1", "2")
    assert source.changes.license == ("none", "cc-by-nc-4.0")
    assert "license none → cc-by-nc-4.0" in describe(source.changes)


def test_an_update_that_fails_leaves_what_was_there(world: World) -> None:
    """The pinned release takes part as before, and the failure is shown beside it."""

    def fail() -> Release:
        raise SourceNotFound("gone")

    world.answer = fail
    held = {asset.path: "aa" for asset in RELEASE.assets}
    source = planned(pinned(held), holds=True, update=frozenset({"a"}))
    assert source.action == "reuse"
    assert isinstance(source.error, SourceNotFound)
    assert planned(update=frozenset({"a"})).action == "error"


def test_locked_refuses_what_the_lock_does_not_hold(world: World) -> None:
    """--locked never resolves anything new."""
    source = planned(locked=True)
    assert isinstance(source.error, NotInLock)
    assert source.action == "refuse"
    assert world.asked == []
    assert planned(pinned(), locked=True).error is None


def test_the_license_gate_stands_before_the_download(world: World) -> None:
    """What policy drops on its license alone is refused, unless items may have licenses of their own."""
    assert isinstance(planned(rights="drop").error, LicenseRefused)
    assert planned(rights="hold").action == "download"
    own = settings(items={"license": "license"})
    assert planned(rights="drop", own=own).action == "download"


def test_a_limit_on_bytes_refuses_before_the_download(world: World) -> None:
    """A source that is known to be larger than its limit is refused with both numbers."""
    source = planned(own=settings(limits={"bytes": 29}))
    assert isinstance(source.error, LimitReached)
    assert planned(own=settings(limits={"bytes": 30})).action == "download"


@pytest.mark.parametrize(
    ("raised", "kind", "action"), [(SourceNotFound("gone"), SourceNotFound, "error"), (KeyError("x"), PluginError, "error")]
)
def test_a_source_that_fails_is_in_the_plan_with_its_error(world: World, raised: Exception, kind: type, action: str) -> None:
    """Whatever an adapter raises becomes that source's error, and names it."""

    def fail() -> Release:
        raise raised

    world.answer = fail
    source = planned()
    assert isinstance(source.error, kind)
    assert source.action == action


def test_a_source_that_was_not_named_takes_part_only_with_what_is_here(world: World) -> None:
    """Naming sources limits whose bytes move; nobody is asked about the others."""
    only = frozenset({"b"})
    assert planned(only=only).action == "skip"
    assert planned(pinned(), only=only).action == "skip"
    held = {asset.path: "aa" for asset in RELEASE.assets}
    assert planned(pinned(held), holds=True, only=only).action == "reuse"
    assert world.asked == []


def test_what_is_here_of_a_source_takes_part_when_nobody_is_asked(world: World) -> None:
    """A source that lacks some of its files takes part with the others; it says so unless other sources were named."""
    path = RELEASE.assets[0].path
    for only, said in ((frozenset[str](), True), (frozenset({"b"}), False)):
        source = planned(pinned({path: "aa"}), holds=True, only=only)
        assert (source.action, dict(source.held)) == ("reuse", {path: "aa"})
        assert [asset.path for asset in source.taken] == [path]
        assert isinstance(source.error, NotHere) is said
    assert world.asked == []


def test_a_refusal_that_was_not_asked_about_is_remembered(world: World) -> None:
    """A pinned source that policy refuses, and that this run was not asked for, is skipped with its refusal."""
    source = planned(pinned(), rights="drop", only=frozenset({"b"}))
    assert source.action == "skip"
    assert isinstance(source.error, LicenseRefused)


def test_a_stop_is_heard_while_a_server_does_not_answer(world: World) -> None:
    """Planning ends when `check` raises, whatever the servers do."""
    released, looks = threading.Event(), iter(range(100))

    def hang() -> Release:
        released.wait(30)
        return RELEASE

    def check() -> None:
        if next(looks) >= 2:
            raise Interrupted("stopped")

    world.answer = hang
    with pytest.raises(Interrupted):
        planned(check=check)
    released.set()


def test_a_spider_without_a_finished_crawl_has_to_run(world: World) -> None:
    """A crawl is not downloaded; it is planned as a crawl until one is pinned."""
    world.mover = "crawler"
    world.answer = lambda: replace(RELEASE, revision="", assets=())
    assert planned().action == "crawl"


def test_compare_sees_sizes_digests_and_texts() -> None:
    """A file has changed when its size or a digest of the same kind has; a license also when only its text has."""
    old = replace(RELEASE, assets=(Asset("a", size=1, digests=(Digest("md5", "0"),)), Asset("b", size=1)))
    new = replace(old, assets=(Asset("a", size=1, digests=(Digest("md5", "1"), Digest("sha256", "2"))), Asset("b", size=2)))
    assert compare(old, new).changed == ("a", "b")
    assert not compare(old, old).any
    assert not compare(replace(old, license=NO_CLAIM), old).any


def test_archives_are_known_by_name() -> None:
    """Only files that hold files wait for their members."""
    assert all(is_archive(name) for name in ("a.zip", "B.ZIP", "c.tar.gz", "d.tgz", "e.tar"))
    assert not any(is_archive(name) for name in ("a.csv.gz", "b.txt", "zip"))


# --- the world against the lock ---------------------------------------------------------------------------------------------

NC = LicenseClaim(("cc-by-nc-4.0",), "huggingface")


def judged(outcomes: dict[str, str]) -> Callable[..., Rights]:
    """A gate that says what it is told of a license, keep of all others."""
    return lambda source, release, texts: Rights(
        CONCLUSION, (), next((outcomes[raw] for raw in release.license.raw if raw in outcomes), "keep")
    )


def test_a_drift_that_policy_forbids_leaves_what_is_held(world: World) -> None:
    """An update to a worse license is an alarm and an error; the pinned release goes on where all of it is here."""
    world.answer = lambda: replace(RELEASE, revision="2", license=NC)
    held = {asset.path: "aa" for asset in RELEASE.assets}
    source = planned(pinned(held), holds=True, update=frozenset({"a"}), judge=judged({"cc-by-nc-4.0": "drop"}))
    assert (source.action, source.error.code if source.error else "") == ("reuse", "license-drift")
    assert source.published == RELEASE
    assert source.drift is not None
    assert (source.drift.held, source.drift.outcomes, source.drift.refused) == (3, ("keep", "drop"), True)
    gone = planned(pinned(held), holds=False, update=frozenset({"a"}), judge=judged({"cc-by-nc-4.0": "drop"}))
    assert gone.action == "refuse"


def test_a_drift_that_policy_allows_is_an_alarm_and_goes_on(world: World) -> None:
    """The new release is planned, with the alarm beside it and no error."""
    world.answer = lambda: replace(RELEASE, revision="2", license=NC)
    source = planned(pinned(), update=frozenset({"a"}))
    assert (source.action, source.error, source.release.revision if source.release else "") == ("download", None, "2")
    assert source.drift is not None
    assert not source.drift.refused
    assert "'nothing' (concluded NOASSERTION) → 'cc-by-nc-4.0' (concluded CC-BY-NC-4.0)" in source.drift.message


@pytest.mark.parametrize(
    ("named", "action", "says"),
    [
        (None, "download", "3 files held came under 'nothing' (concluded NOASSERTION); the new release takes their place; "),
        (frozenset({"a"}), "download", "the new release is taken, and its items wait outside the set for a person to decide"),
        (frozenset(), "reuse", "and they stay as they are; "),
        (frozenset({"b"}), "reuse", "nothing of the new release is taken unless it is named (`acquire update a`)"),
    ],
)
def test_what_policy_holds_for_its_new_license_is_taken_by_name(
    world: World, named: frozenset[str] | None, action: str, says: str
) -> None:
    """An update of everything leaves what the policy would hold as it is, one that names it takes it, and the alarm says so."""
    world.answer = lambda: replace(RELEASE, revision="2", license=NC, assets=(Asset("new.bin", size=1),))
    held = {asset.path: "aa" for asset in RELEASE.assets}
    how: dict[str, Any] = {"update": frozenset({"a"}), "named": named, "judge": judged({"cc-by-nc-4.0": "hold"})}
    source = planned(pinned(held), holds=lambda sha256: sha256 == "aa", **how)
    assert source.action == action
    assert source.drift is not None
    assert says in source.drift.meaning


def test_who_moves_bytes_looks_again(world: World) -> None:
    """What is pinned and not here is asked about once more before it moves; what is here, or cannot be asked, goes on."""
    held = {asset.path: "aa" for asset in RELEASE.assets}
    assert planned(pinned(held), holds=True, look="moving").drift is None
    assert world.asked == []
    world.answer = lambda: replace(RELEASE, license=NC)
    source = planned(pinned(), look="moving", judge=judged({"cc-by-nc-4.0": "hold"}))
    assert (world.asked, source.action) == (["a"], "refuse")

    def fail() -> Release:
        raise SourceNotFound("gone")

    world.answer = fail
    source = planned(pinned(), look="moving")
    assert source.action == "download"
    assert "not asked again" in source.notes[0]
    assert source.notes[0].endswith("gone [source-not-found]")
    assert planned(pinned(held), holds=True, look="moving").notes == ()


def test_what_servers_say_of_bytes_is_a_change_of_an_update(world: World) -> None:
    """Where no revision tells, a file that its server calls another one is changed, and what it cannot tell is a note."""
    world.answer = lambda: replace(RELEASE, revision="")
    lock = pinned({"x.csv": "aa"}, replace(RELEASE, revision="sha256:aa"))
    told = Standing({"x.csv": 12}, ("cannot tell whether notes.txt changed",))
    source = planned(lock, update=frozenset({"a"}), standing=lambda planned, pin: told)
    assert source.changes is not None
    assert (source.changes.changed, source.changes.bytes_changed, source.changes.any) == (("x.csv",), 12, True)
    assert source.notes == told.notes
    assert planned(lock, standing=lambda planned, pin: told).notes == ()


def test_a_license_text_that_cannot_be_had_is_a_note(world: World) -> None:
    """The plan says that it knows less than it could."""
    source = planned(texts=lambda source, planned: Texts((), ("LICENSE could not be read",)))
    assert (source.notes, source.error) == (("LICENSE could not be read",), None)


def test_a_column_of_licenses_is_told_before_its_items_are_here(world: World) -> None:
    """The plan shows the source's license, so it says which column decides of an item; a fetch knows, and notes nothing."""
    source = planned(own=settings(items={"license": "lic"}))
    assert [note for note in source.foreseen if "column 'lic' decides" in note] == list(source.foreseen)
    assert (len(source.foreseen), source.remarks, planned().foreseen) == (1, (), ())


def test_an_update_moves_only_what_is_not_here(world: World) -> None:
    """A file whose published digest is here is not counted: not against the limit, and not against the disk."""
    one, other = (
        replace(asset, digests=(Digest("sha256", digit * 64),)) for asset, digit in zip(RELEASE.assets[:2], "ab", strict=True)
    )
    world.answer = lambda: replace(RELEASE, revision="2", assets=(one, other))
    lock = pinned({"x.csv": "a" * 64}, replace(RELEASE, assets=(one,)))
    source = planned(lock, update=frozenset({"a"}), own=settings(limits={"bytes": 25}), holds=lambda sha256: sha256[0] == "a")
    assert (source.action, source.bytes_total, source.bytes_to_move, source.error) == ("download", 30, 20, None)


def test_the_same_revision_asked_again_is_what_is_held(world: World) -> None:
    """Of the same version a publisher without digests says nothing new: nothing moves. Another size or version is not held."""
    held = {asset.path: "aa" for asset in RELEASE.assets}
    lock, now = pinned(held, replace(RELEASE, resolved_at="then")), replace(RELEASE, resolved_at="now")
    world.answer = lambda: now
    source = planned(lock, holds=True, update=frozenset({"a"}))
    assert (source.action, source.bytes_to_move, source.published) == ("reuse", 0, now)
    larger = replace(now, assets=(replace(RELEASE.assets[0], size=11), *RELEASE.assets[1:]))
    assert still_held(lock.pins["a"], larger).keys() == {"pack.zip", "notes.txt"}
    assert still_held(lock.pins["a"], replace(now, revision="2")) == {}
    assert still_held(pinned(held, replace(RELEASE, revision="")).pins["a"], replace(now, revision="")) == {}


def test_what_only_bytes_pin_is_taken_as_it_is_now(world: World) -> None:
    """A pin without a revision is looked at again: kept where nothing differs, so that a download can go on, else replaced."""
    unpinned = replace(RELEASE, revision="", resolved_at="then")
    world.answer = lambda: replace(unpinned, resolved_at="now")
    same = planned(pinned(release=unpinned), look="moving")
    assert (same.state, same.published) == ("pinned", unpinned)
    world.answer = lambda: replace(unpinned, license=NC)
    assert planned(pinned(release=unpinned), look="moving").published == replace(unpinned, license=NC)


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (RELEASE, ""),
        (replace(RELEASE, license=NC), "license-drift"),
        (replace(RELEASE, assets=RELEASE.assets[:2]), "not-in-lock"),
        (replace(RELEASE, revision="2"), "not-in-lock"),
    ],
)
def test_locked_compares_the_world_with_the_lock(world: World, now: Release, code: str) -> None:
    """The same goes through; another license, file or revision does not."""
    world.answer = lambda: now
    source = planned(pinned(), locked=True)
    assert (source.error.code if source.error else "") == code


def test_offline_takes_what_is_here_and_names_the_rest(world: World) -> None:
    """Nobody is asked: unpinned sources and lost files are named, what is here takes part."""
    assert getattr(planned(offline=True).error, "code", "") == "not-here"
    lost = planned(pinned(), offline=True)
    assert (lost.action, getattr(lost.error, "code", "")) == ("refuse", "not-here")
    partly = planned(pinned({"x.csv": "aa"}), holds=True, offline=True)
    assert (partly.action, [asset.path for asset in partly.taken]) == ("reuse", ["x.csv"])
    assert "pack.zip, notes.txt" in str(partly.error)
    assert world.asked == []


def test_a_crawl_without_a_contact_is_refused_before_it_begins(world: World) -> None:
    """The plan says it, not only the crawler."""
    world.mover = "crawler"
    world.answer = lambda: replace(RELEASE, revision="", assets=())
    source = planned(contact=False)
    assert (source.action, getattr(source.error, "code", "")) == ("refuse", "no-contact")


def test_signs_say_what_becomes_of_the_lock(world: World) -> None:
    """New +, as it was =, changed ~, and nothing where nothing is pinned."""
    assert planned().sign == "+"
    assert planned(pinned()).sign == "="
    world.answer = lambda: replace(RELEASE, revision="2")
    assert planned(pinned(), update=frozenset({"a"})).sign == "~"
    assert planned(Lock({"a": Pin("another", RELEASE)})).sign == "~"
    assert planned(locked=True).sign == ""
