"""How a plan looks to people: alarms first, one line per source, then what each of them has to say. At most 100 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from acquisition.cli import output
from acquisition.cli.alarms import WIDTH, alarms_text, wrapped
from acquisition.cli.crawling import counted
from acquisition.cli.output import size, table
from acquisition.cli.present import short

if TYPE_CHECKING:  # planning is heavy; commands import it when they run
    from acquisition.errors import AcquisitionError
    from acquisition.plan import Changes, Plan, PlannedSource

_ACTIONS: Final = {
    "download": "download",
    "reuse": "here",
    "crawl": "crawl",
    "refuse": "REFUSED",
    "error": "FAILED",
    "skip": "not asked",
}
_WIDEST: Final = (1, 16, 12, 14, 9, 6, 12, 9, 21)
"""Most characters of each column; what is longer is cut, and told whole below."""
_FEW: Final = 8
"""Files that are named of a source that has changed."""


def plan_text(plan: Plan) -> str:
    """Return the plan: alarms, a table, then licenses with their evidence, rulings, conflicts, changes, disk."""
    rows = [tuple(_cut(cell, most) for cell, most in zip(_row(source), _WIDEST, strict=True)) for source in plan.sources]
    header = ("", "source", "kind", "version", "", "files", "to move", "items", "license")
    lines = [*alarms_text(plan.drifts), table(rows, header, right=frozenset({5, 6, 7}))]
    lines += _section("licenses and duties, by what is concluded:", _licenses(plan))
    lines += _section("read from:", _shown_by(plan))
    lines += _section("what the policy holds or refuses:", _ruled(plan))
    lines += _section("licenses that do not go together:", _conflicts(plan))
    lines += _section("opt-outs and conditions known:", _conditions(plan))
    lines += _section("against the lock:", _against(plan))
    lines += _section("to note:", _notes(plan))
    errors = [source for source in plan.sources if source.error is not None and source.drift is None]
    for source in errors:
        assert source.error is not None
        place = "" if source.error.where == source.source.where else f" ({source.source.where})"
        lines += ["", *error_lines(source.error, f"source {source.name}{place}")]
    return "\n".join([*lines, "", *_totals(plan)])


def error_lines(error: AcquisitionError, source: str) -> list[str]:
    """Return an error in lines of at most WIDTH characters."""
    text = output.error_text(error, source)
    return [line for part in text.split("\n") for line in (wrapped(part, "") if len(part) > WIDTH else [part])]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _section(title: str, sentences: Iterable[str]) -> list[str]:
    lines = [line for sentence in sentences for line in wrapped(sentence, "  ")]
    return ["", title, *lines] if lines else []


# --- the table ------------------------------------------------------------------------------------------------------------


def _row(source: PlannedSource) -> tuple[str, ...]:
    release, rights = source.release, source.rights
    version = "" if release is None else short(release.revision) or "by its bytes"
    crawl = source.action == "crawl"
    concluded = rights.conclusion.concluded if rights and not crawl else ""
    return (
        source.sign,
        source.name,
        source.source.settings.kind,
        "by its pages" if crawl else version,
        "in place" if _in_place(source) else _ACTIONS[source.action],
        f"{len(source.taken):,}" if release is not None and not crawl else "",
        _to_move(source),
        "" if source.items is None else f"{source.items:,}",
        concluded,
    )


def _in_place(source: PlannedSource) -> bool:
    """Say whether it is a folder of one's own, of which nothing is moved."""
    return source.action == "download" and all(asset.local_path for asset in source.taken)


def _to_move(source: PlannedSource) -> str:
    if source.action != "download" or _in_place(source):
        return ""
    if source.unknown_sizes and not source.bytes_to_move:
        return "?"
    return size(source.bytes_to_move) + (f" +{source.unknown_sizes}?" if source.unknown_sizes else "")


# --- rights ---------------------------------------------------------------------------------------------------------------


def _licenses(plan: Plan) -> Iterator[str]:
    found: dict[tuple[str, str], list[str]] = {}
    for source in plan.sources:
        if source.rights is None or source.action in {"crawl", "skip"}:
            continue
        duties = ", ".join(source.rights.duties) or ("not known" if source.rights.conclusion.training == "unknown" else "none")
        found.setdefault((source.rights.conclusion.concluded, duties), []).append(source.name)
    for (concluded, duties), names in sorted(found.items()):
        yield f"{concluded}: {', '.join(names)}; duties: {duties}"


def _shown_by(plan: Plan) -> Iterator[str]:
    told = []
    for source in plan.sources:
        rights = source.rights
        if rights is None or source.action in {"crawl", "skip"}:
            continue
        declared, concluded = rights.conclusion.declared, rights.conclusion.concluded
        said = declared if declared == concluded else f"declared {declared}, concluded {concluded}"
        told.append((source.name, f"{said}: {'; '.join(rights.shown_by) or 'nobody says anything'}"))
    yield from _grouped(told)


def _grouped(told: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield each sentence once, with the sources that it speaks of."""
    found: dict[str, list[str]] = {}
    for name, sentence in told:
        found.setdefault(sentence, []).append(name)
    for sentence, names in found.items():
        yield f"{', '.join(names)}: {sentence}"


def _ruled(plan: Plan) -> Iterator[str]:
    for source in plan.sources:
        if source.action == "crawl":
            continue
        for one in source.rights.ruled if source.rights is not None else ():
            if one.outcome != "keep":
                yield f"{source.name}: {one.outcome}, {one.code} by rule `{one.rule}`: {one.reason}"


def _conflicts(plan: Plan) -> Iterator[str]:
    if plan.combination is None:
        return
    for one in plan.combination.conflicts:
        names, others = plan.combination.sources[one]
        who = f"{one.one} ({', '.join(names)})" + (f" and {one.other} ({', '.join(others)})" if one.other else "")
        form = "in any form" if one.form == "collection" else "if items are made into one work; side by side they may stand"
        yield f"{who}: {one.reason}; {form}"


def _conditions(plan: Plan) -> Iterator[str]:
    for source in plan.sources:
        for opt_out in source.rights.opt_outs if source.rights is not None else ():
            yield f"{source.name}: {opt_out}"
        terms = source.release.terms if source.release is not None else None
        if terms is not None:
            by = f" by {terms.accepted_by}" if terms.accepted_by else ""
            accepted = f"accepted {terms.accepted_at[:10]}{by}" if terms.accepted else "NOT accepted"
            yield f"{source.name}: terms at {terms.url}, {accepted}"
        if source.error is not None and source.error.exit_code == 4:
            yield f"{source.name}: NOT accepted or no log-in [{source.error.code}], see below"


# --- the lock and the disk ------------------------------------------------------------------------------------------------


def _bytes_of(source: PlannedSource) -> str:
    if source.unknown_sizes:
        return (
            f"{size(source.bytes_total)} and {source.unknown_sizes:,} of unknown size"
            if source.bytes_total
            else "size not known"
        )
    return size(source.bytes_total)


def source_lines(source: PlannedSource) -> list[str]:
    """Return what one source brings against the lock, in lines of at most WIDTH characters."""
    if source.changes is not None and source.changes.any:
        return [line for text in change_lines(source.name, source.changes) for line in wrapped(text, "  ")]
    if source.sign != "+":
        return []
    concluded = f", {source.rights.conclusion.concluded}" if source.rights is not None else ""
    version = f", version {short(source.release.revision)}" if source.release is not None and source.release.revision else ""
    told = f"+ {source.name}: {counted(len(source.taken), 'file')}, {_bytes_of(source)}{version}{concluded}"
    return wrapped(told, "  ")


def _against(plan: Plan) -> Iterator[str]:
    found = {sign: [source for source in plan.sources if source.sign == sign] for sign in "+~="}
    if not (found["+"] or found["~"] or plan.removed):
        return
    yield f"+{len(found['+'])} ~{len(found['~'])} -{len(plan.removed)} sources, {len(found['='])} as they were"
    if found["+"]:
        files, total = sum(len(source.taken) for source in found["+"]), sum(source.bytes_total for source in found["+"])
        unknown = sum(source.unknown_sizes for source in found["+"])
        more = f" and {unknown:,} of unknown size" if unknown else ""
        yield f"+ {', '.join(source.name for source in found['+'])}: {counted(files, 'file')}, {size(total)}{more}"
    for source in found["~"]:
        if source.changes is not None:
            yield from change_lines(source.name, source.changes)
    for name in plan.removed:
        yield f"- {name}: not declared any more"


def change_lines(name: str, changes: Changes) -> Iterator[str]:
    """Yield what has changed of one source: counts and bytes, version, license, and the first files by name."""
    told = (
        f"+{len(changes.added)} ({size(changes.bytes_added)}) ~{len(changes.changed)} ({size(changes.bytes_changed)}) "
        f"-{len(changes.removed)} ({size(changes.bytes_removed)}) files"
    )
    old, new = (short(revision) or "?" for revision in changes.revision)
    version = f", version {old} → {new}" if changes.revision[0] != changes.revision[1] else ""
    named = f", {changes.version[0] or '?'} → {changes.version[1]}" if changes.version else ""
    license_ = f", license {changes.license[0]} → {changes.license[1]}" if changes.license else ""
    text = ", license text changed" if changes.license_text else ""
    terms = ", terms changed" if changes.terms else ""
    yield f"~ {name}: {told}{version}{named}{license_}{text}{terms}"
    listed = [
        *(("+", path) for path in changes.added),
        *(("~", path) for path in changes.changed),
        *(("-", path) for path in changes.removed),
    ]
    yield from (f"  {sign} {path}" for sign, path in listed[:_FEW])
    if len(listed) > _FEW:
        yield f"  … and {len(listed) - _FEW:,} more (--json names all)"


def _notes(plan: Plan) -> Iterator[str]:
    yield from plan.notes
    told = []
    for source in plan.sources:
        if source.left_out:
            told.append((source.name, f"{counted(source.left_out, 'file')} left out by `files:`"))
        if source.withdrawn:
            told.append((source.name, f"{counted(len(source.withdrawn), 'file')} not fetched: what stood there was taken down"))
        if source.release is not None and source.action != "skip":
            told += [(source.name, note) for note in (*source.release.notes, *source.foreseen)]
    yield from _grouped(told)


def to_move(sources: Iterable[PlannedSource]) -> str:
    """Return in one line what the sources would download."""
    found = [source for source in sources if source.action == "download"]
    unknown = sum(source.unknown_sizes for source in found)
    more = f", {counted(unknown, 'file')} of unknown size" if unknown else ""
    return f"to move: {size(sum(source.bytes_to_move for source in found))}{more}"


def _totals(plan: Plan) -> list[str]:
    crawls = sum(source.action == "crawl" for source in plan.sources)
    more = f", {counted(crawls, 'crawl')}" if crawls else ""
    disk = f"disk: {size(plan.disk_free)} free now, {size(plan.disk_after)} after the downloads"
    return [
        f"{to_move(plan.sources)}{more}",
        f"{disk}; staging and set add at most about {size(plan.disk_set)}",
    ]
