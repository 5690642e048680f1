"""Looking without moving: is the declaration right, what is here, why an item went where it went, is the set intact."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from acquisition import crawl, curate, manifest, plugins
from acquisition.blobs import BlobStore
from acquisition.curate.policy import PolicyRow
from acquisition.engine.inputs import input_digests
from acquisition.errors import UsageError
from acquisition.journal import Journal
from acquisition.pipeline.finishing.keys import today
from acquisition.pipeline.handing_out.whereabouts import ADVICE, whereabouts
from acquisition.pipeline.looking.held_back import HeldBack, held_back
from acquisition.pipeline.looking.standing import Standing, standing
from acquisition.pipeline.looking.unfollowed import unfollowed
from acquisition.pipeline.session import Session
from acquisition.plan import is_taken
from acquisition.publish import newest_pushes
from acquisition.settings import FilterSettings
from acquisition.takedown.swept import read_swept
from acquisition.tombstones import read_tombstones
from acquisition.workspace import free_bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """A declaration in effect: sources, use, contact, filters and the whole policy."""

    sources: tuple[tuple[str, str, str], ...]
    use: str
    contact: str
    filters: tuple[tuple[str, str], ...]
    signals: tuple[tuple[str, str], ...]
    policy: tuple[PolicyRow, ...]

    def value(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "sources": [{"name": name, "kind": kind, "where": where} for name, kind, where in self.sources],
            "use": self.use,
            "contact": self.contact,
            "filters": dict(self.filters),
            "signals": dict(self.signals),
            "policy": [asdict(row) for row in self.policy],
        }


def check(session: Session) -> Checked:
    """Return what the declaration means, defaults included. FilterUnavailable names a file of a filter that is not there."""
    declaration = session.declared.declaration
    check_inputs(session)
    use = declaration.dataset.use
    contact = declaration.contact
    return Checked(
        sources=tuple((source.name, source.settings.kind, source.where) for source in session.declared.sources),
        use=", ".join(f"{name}: {'yes' if value else 'no'}" for name, value in use.model_dump().items()),
        contact=f"{contact.name}, {contact.email}, {contact.url}" if contact else "",
        filters=tuple((name, _filter_state(session, name)) for name in plugins.registered(plugins.FILTERS)),
        signals=tuple(declaration.signals.model_dump(by_alias=True).items()),
        policy=tuple(session.policy.effective_policy()),
    )


def release_list(session: Session) -> tuple[manifest.Open, ...]:
    """Return what has to be provided or cleared before the set is published."""
    declaration = session.declared.declaration
    embargoes = curate.closed_holdouts(declaration.curated, today())
    found = manifest.release_list(session.workspace.manifest, declaration.dataset, declaration.contact, embargoes)
    places = whereabouts(session)
    return (
        *found,
        *(manifest.Open("private", place, f"{path} is on this machine: {ADVICE}", "bundle") for place, path in places),
        *(
            manifest.Open("contradiction", f"sources.{one.name}.license", f"{one.message} (seen {one.at})", "all")
            for one in held_back(session)
        ),
    )


def check_inputs(session: Session) -> None:
    """Raise FilterUnavailable when a filter is given a list or a model that is not there: no run can help that."""
    for name, settings in session.declared.declaration.filters.items():
        if isinstance(settings, FilterSettings):
            input_digests(name, settings, str(session.declared.path.resolve().parent))


def _filter_state(session: Session, name: str) -> str:
    settings = session.declared.declaration.filters.get(name)
    if settings is False:
        return "off; every result says that it was not checked"
    if settings is None:
        return "on, with its defaults"
    told = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return "on, with " + (json.dumps(told) if told else "its defaults")


RunState = Literal["none", "running", "unfinished", "ended"]


@dataclass(frozen=True, slots=True)
class Status:
    """What the workspace holds."""

    workspace: str
    sources: tuple[Mapping[str, Any], ...]
    last_run: str
    run: RunState
    exit_code: int | None
    curated: str
    disk_free: int
    pushed: tuple[Mapping[str, Any], ...] = ()
    """The newest push to each repository, the newest of all last."""
    standing: Standing | None = None
    """The set as its manifest tells it, None where there is none yet."""
    held_back: tuple[HeldBack, ...] = ()
    """Sources that stay as they are for a license that has changed upstream."""

    def value(self) -> dict[str, Any]:
        """Return it as plain values."""
        told = asdict(replace(self, standing=None))
        return told | {"standing": self.standing.value() if self.standing is not None else None}


def status(session: Session) -> Status:
    """Return per source what is pinned, held and staged, how the last run ended, and how the set stands.

    Files that were taken down are none that could be held, and what is only left of a file after a takedown counts as held.
    Asks nobody and writes nothing, also while another command works or after one was killed.
    """
    store, swept = BlobStore(session.workspace), read_swept(session.workspace)
    stones = read_tombstones(session.workspace.tombstones)
    sources = []
    for source in session.declared.sources:
        pin = session.lock.pins.get(source.name)
        taken = [
            asset.path
            for asset in (pin.release.assets if pin else ())
            if is_taken(asset, source)
            and not stones.keeps_away(source.name, asset, pin.held.get(asset.path, "") if pin else "")
        ]
        in_place = pin is not None and (getattr(source.settings, "path", None) is not None or pin.release.reader == "crawl")
        known = [pin.held[path] for path in taken if path in pin.held] if pin is not None else []
        held = [sha256 for sha256 in known if in_place or store.has(sha256) or swept.absent(sha256) is not None]
        sources.append(
            {
                "name": source.name,
                "kind": source.settings.kind,
                "revision": pin.release.revision if pin else "",
                "files": len(taken),
                "files_held": len(held),
                "items": _staged_items(session, source.name),
                "crawl": _activity(session, source.name),
                "taken_down": stones.keeps_away(source.name, None, ""),
            }
        )
    workspace = session.workspace
    state, exit_code, last_run = _last_run(session)
    return Status(
        workspace=str(workspace.root),
        sources=tuple(sources),
        last_run=last_run,
        run=state,
        exit_code=exit_code,
        curated=str(workspace.curated) if workspace.curated.exists() else "",
        disk_free=free_bytes(workspace.root),
        pushed=tuple(asdict(one) for one in newest_pushes(workspace.root)),
        standing=standing(workspace),
        held_back=held_back(session),
    )


def _activity(session: Session, name: str) -> dict[str, Any]:
    """Return what a source's newest run is doing; nothing runs where no command holds the workspace."""
    found = crawl.activity(session.workspace.crawl / name, time.time())
    idle = found.get("state") == "running" and not session.workspace.holder()
    return found | {"state": "unfinished"} if idle else found


def _staged_items(session: Session, name: str) -> int:
    counts = [json.loads(record.read_bytes())["items"] for record in (session.workspace.staging / name).glob("*/stage.json")]
    return sum(counts)


def _last_run(session: Session) -> tuple[RunState, int | None, str]:
    """Return how the last run ended or that it has not, its exit code (older versions did not write it down), and in words."""
    if not session.workspace.journal.exists():
        return "none", None, ""
    with Journal(session.workspace.journal) as journal:
        run = journal.last_run()
    if run is None:
        return "none", None, ""
    began = f"`{run.command}` began {run.began_at}, "
    if run.ended_at:
        code = json.loads(run.summary or "{}").get("exit_code")
        return "ended", code, f"{began}ended {run.ended_at}" + ("" if code is None else f" with exit code {code}")
    if holder := session.workspace.holder():
        return "running", None, f"{began}and is running: {holder}"
    return "unfinished", None, f"{began}did not end: the same command goes on"


def explain_url(session: Session, url: str) -> list[dict[str, Any]]:
    """Return what every crawl in the workspace knows of a URL, visited or not; [] when none has met it."""
    root = session.workspace.crawl
    return [story for source in session.declared.sources for story in crawl.story(root / source.name, source, url)]


def is_url(item: str) -> bool:
    """Say whether what is to be explained is an address."""
    return item.startswith(("http://", "https://"))


def explain(session: Session, item: str) -> Mapping[str, Any]:
    """Return the manifest's entry of one item. UsageError when nothing or more than one item is called so."""
    try:
        explanation = manifest.explain(session.workspace.manifest, item)
    except UsageError:
        if is_url(item):
            raise _unheard_of(session, item) from None
        raise
    found = explanation.entries
    if explanation.total == 1:
        return found[0]
    if not found and is_url(item):
        raise _unheard_of(session, item)
    if not found:
        raise UsageError(
            f"the manifest has no item {item!r}",
            where=str(session.workspace.manifest),
            hint="Give an id (or its start), a curated path, a locator or a URL; `acquire fetch` writes the manifest.",
        )
    names = "\n".join(f"    {entry['id']}  {entry['locator']}" for entry in found[:20])
    raise UsageError(f"{explanation.total:,} items are called so:\n{names}", hint="Give one of these ids.")


def _unheard_of(session: Session, url: str) -> UsageError:
    against = "; ".join(f"{name} would not follow it: {why}" for name, why in unfollowed(session.declared.sources, url))
    return UsageError(
        f"nothing is known of {url}: no crawl has met it, and no item of the manifest came from it",
        hint=f"{against}." if against else "No link led to it, or a limit of depth or pages ended the crawl before it.",
    )
