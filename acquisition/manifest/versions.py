"""The versions of a curated set: which one a manifest that is being written is, and the history that it carries along.

The manifest directory holds its own history, so it is swapped in with it and can never tell of another set. A new ledger is
compared with the one that stands: nothing changed, no new version. So a run that was killed and is run again ends at the
version that it would have ended at undisturbed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import orjson

from acquisition.errors import WorkspaceDamaged
from acquisition.manifest.diff import KINDS, Difference, compare, told
from acquisition.manifest.names import CHANGELOG, ITEMS, VERSIONS
from acquisition.manifest.side import Side, open_side
from acquisition.manifest.untouched import demand_untouched

_PLACES: Final = 3
_FIRST: Final = "the first version"
_PERSONAL: Final = frozenset({"added", "removed", "moved", "recorded"})
"""Kinds whose examples are told by their id alone: classes and names of columns' values may speak of people."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One kind of change of one source, as the history keeps it: no locator and no label, only ids and closed words."""

    source: str
    kind: str
    items: int
    examples: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the set: since when, which step from the one before, why, how many items, and what changed per source.

    `step` is first, major, minor, patch or declared (a higher version stood in the declaration, and nothing changed). `papers`
    are digests of what the manifest says beside its items, so that a changed description is noticed.
    """

    version: str
    at: str
    step: str
    why: str
    before: str
    items: int
    kept: int
    changes: tuple[Recorded, ...] = ()
    papers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decided:
    """The version in effect, the history with it (oldest first), and a sentence where the declaration says something else."""

    version: str
    history: tuple[Version, ...]
    note: str = ""

    @property
    def new(self) -> Version:
        """The newest version of the history."""
        return self.history[-1]


def number(version: str) -> tuple[int, ...]:
    """Return MAJOR.MINOR.PATCH as numbers. ValueError when it is none."""
    parts = tuple(int(part) for part in version.split(".") if part.isascii() and part.isdecimal())
    if len(parts) != _PLACES or version.count(".") != _PLACES - 1:
        raise ValueError(f"{version!r} is no version of the form MAJOR.MINOR.PATCH")
    return parts


def stepped(version: str, step: str) -> str:
    """Return the next version after a step (Semantic Versioning 2.0.0, 6 to 8); the same one for no step."""
    major, minor, patch = number(version)
    following = {"major": (major + 1, 0, 0), "minor": (major, minor + 1, 0), "patch": (major, minor, patch + 1)}
    return ".".join(map(str, following.get(step, (major, minor, patch))))


def read_versions(manifest: Path) -> tuple[Version, ...]:
    """Return a manifest's history, oldest first; () where it has none. WorkspaceDamaged names the line that cannot be read."""
    path = manifest / VERSIONS
    if not path.is_file():
        return ()
    found = []
    for place, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            found.append(_version_from(orjson.loads(line)))
        except (ValueError, TypeError, KeyError) as error:
            raise WorkspaceDamaged(
                f"the history of versions is damaged: {error}",
                where=f"{path}:{place}",
                hint="Restore it from a copy or a bundle; nothing else knows the older versions, so it is never made anew.",
            ) from error
    _check_order(path, found)
    return tuple(found)


def _version_from(raw: Mapping[str, Any]) -> Version:
    number(raw["version"])
    changes = tuple(
        Recorded(one["source"], one["kind"], int(one["items"]), tuple(_example(found) for found in one["examples"]))
        for one in raw["changes"]
    )
    return Version(**{**raw, "changes": changes})


def _example(raw: Sequence[str]) -> tuple[str, str, str]:
    item, was, now = raw
    return str(item), str(was), str(now)


def _check_order(path: Path, found: Sequence[Version]) -> None:
    for place, (old, new) in enumerate(pairwise(found), 2):
        if number(new.version) <= number(old.version) or new.before != old.version:
            raise WorkspaceDamaged(
                f"version {new.version} cannot follow {old.version}",
                where=f"{path}:{place}",
                hint="Somebody has changed the history by hand; restore it from a copy or a bundle.",
            )


def decide(manifest: Path, ledger: Path, declared: str, *, at: str, papers: Mapping[str, Any], known: str = "") -> Decided:
    """Return the version of a ledger that is about to take the place of the manifest that stands.

    `declared` is where a set without a history starts; a declared version above the history's wins. `papers` is what the
    manifest says beside its items, by topic, as plain values. `known` is the least version where a manifest stood that is
    gone, "" where none did. WorkspaceDamaged when history or standing ledger cannot be read, or were changed by hand.
    """
    demand_untouched(manifest)
    after = Side(ledger, declared)
    digests = {topic: _digest(values) for topic, values in sorted(papers.items())}
    if not (manifest / ITEMS).is_file():
        begin = max(known or declared, declared, key=number)
        why = "the manifest with the older versions is gone" if known else _FIRST
        first = Version(begin, at, "first", why, "", len(after), after.kept, papers=digests)
        return Decided(begin, (first,), _note(declared, begin))
    before = open_side(manifest)
    history = read_versions(manifest) or (_older(before, at),)
    difference = compare(before, after)
    other = _papers_changed(history[-1].papers, digests)
    step = difference.step or ("patch" if other else "")
    last = history[-1].version
    wins = number(declared) > number(last)
    version = declared if wins else stepped(last, step)
    if version == last:
        return Decided(last, history, _note(declared, last))
    why = _why(difference, other, declared if wins else "")
    changes = tuple(_recorded(difference))
    new = Version(version, at, step or "declared", why, last, len(after), after.kept, changes, digests)
    return Decided(version, (*history, new), _note(declared, version, step=step, last=last))


def _older(before: Side, at: str) -> Version:
    """Return the version of a manifest that was written before histories were kept."""
    return Version(before.version, at, "first", "the first version that is known of", "", len(before), before.kept)


def _digest(values: Any) -> str:
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()[:16]


def _papers_changed(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """Return the topics on which the manifest says something else; none where the older one did not note them."""
    return tuple(topic for topic in sorted(new) if topic in old and old[topic] != new[topic])


def _why(difference: Difference, papers: tuple[str, ...], declared: str) -> str:
    counts: dict[str, int] = {}
    for change in difference.changes:
        counts[change.kind] = counts.get(change.kind, 0) + change.items
    parts = [", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if kind in counts)] if counts else []
    tickets = sorted({now for one in difference.changes if one.kind == "taken-down" for _, _, now in one.examples if now})
    if tickets:
        parts.append(f"takedown {', '.join(tickets)}")
    if papers and not difference.changes:
        parts.append(f"the manifest says something else of {', '.join(papers)}")
    return "; ".join([*([f"declared as {declared}"] if declared else []), *parts])


def _recorded(difference: Difference) -> list[Recorded]:
    found = []
    for change in difference.changes:
        bare = change.kind in _PERSONAL
        examples = tuple(
            (item, "" if bare else was, "" if bare else now)
            for item, (_, was, now) in zip(change.ids, change.examples, strict=True)
        )
        found.append(Recorded(change.source, change.kind, change.items, examples))
    return found


def _note(declared: str, version: str, *, step: str = "", last: str = "") -> str:
    """Say where the declaration and the history differ, in a sentence; "" where they go together."""
    if number(declared) < number(version):
        return f"the set is at version {version}; sources.yaml declares {declared}, which is lower, so the history goes on"
    if step and number(stepped(last, step)) > number(version):
        fits = stepped(last, step)
        return f"version {version} is the declared one; by what changed, a {step} step to {fits} would fit"
    return ""


def write_versions(directory: Path, decided: Decided) -> None:
    """Write the history and the changelog made from it into a manifest directory."""
    lines = [orjson.dumps(asdict(one), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE) for one in decided.history]
    (directory / VERSIONS).write_bytes(b"".join(lines))
    (directory / CHANGELOG).write_text(changelog_of(decided.history), encoding="utf-8")


def changelog_of(history: Sequence[Version]) -> str:
    """Return the changelog of a set in Markdown, newest version first. Items are named by their ids alone."""
    return "# Changelog\n\n" + "\n".join(section(one) for one in reversed(history))


def section(one: Version) -> str:
    """Return one version's section."""
    step = {"first": "first version", "declared": "declared"}.get(one.step, f"{one.step} step from {one.before}")
    lines = [f"## {one.version} ({one.at[:10]}), {step}", "", f"{one.items:,} items, {one.kept:,} kept.", ""]
    if one.why != _FIRST:
        lines += [f"Why: {one.why}.", ""]
    source = ""
    for change in one.changes:
        if change.source != source:
            lines += ["", f"### {change.source}", ""] if source else [f"### {change.source}", ""]
            source = change.source
        lines.append(f"* {told(change.kind, change.items)}{_examples(change)}")
    return "\n".join(lines).rstrip() + "\n"


def _examples(change: Recorded) -> str:
    named = [f"`{item[:12]}`" + (f" {was or '-'} → {now or '-'}" if was or now else "") for item, was, now in change.examples]
    rest = change.items - len(named)
    return f": {', '.join(named)}" + (f", and {rest:,} more" if rest > 0 else "") if named else ""
