"""A plan as a file: what was shown to somebody is what is fetched, or nothing is.

`acquire plan --out plan.json` writes it, `acquire fetch plan.json` makes the plan anew and compares. What matters is compared:
the declaration, each source's revision, files with sizes and digests, licenses with the texts that show them, terms, what the
policy makes of them and by which rule, what publishers have changed since, and what is refused. What is here already is not:
bytes that have come since, and what only they could tell (a digest, the revision of a release that its bytes pin, a finished
crawl), are no other plan, so that a fetch that was killed goes on with the same file. The file is sealed, so that one that was
edited or cut is refused with its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from acquisition.errors import PlanChanged, Problem, UsageError
from acquisition.lock import read_document, seal_of
from acquisition.model import Asset
from acquisition.pipeline.pinning.weighing import rights_of
from acquisition.pipeline.session import Session
from acquisition.plan import Plan, PlannedSource
from acquisition.workspace import write_json

SCHEMA_VERSION: Final = 3
_SHOWN: Final = 20
_NAMED: Final = 3
"""Files that one sentence names."""
_ANEW: Final = "Write it anew with `acquire plan --out`."
_WORDS: Final[Mapping[str, str]] = {
    "license_raw": "license as published",
    "license_evidence": "evidence of the license (sha256)",
    "drift": "what the publisher says of the license now",
}
_WRITTEN: Final = "written"
_BESIDE: Final = frozenset({"seal", "bytes", "files"})
"""What is not compared as it stands: sums, and files, which are compared one by one."""
_CRAWLED: Final = frozenset({"does", "revision", "opt_outs", "files"})
"""What a crawl that has come since tells, and none can promise."""


def promise(session: Session, plan: Plan, update: Iterable[str] = ()) -> dict[str, Any]:
    """Return the plan as it is written; `update` are the sources whose newest release was planned."""
    value = {
        "schema_version": SCHEMA_VERSION,
        "kind": "planned-fetch",
        "declaration": session.declared.digest,
        "update": sorted(update),
        "only": sorted(session.only),
        "bytes_to_move": plan.bytes_to_move,
        "sources": {source.name: _sealed(_source(session, source)) for source in plan.sources},
    }
    return value | {"seal": _seal(value)}


def _sealed(value: dict[str, Any]) -> dict[str, Any]:
    return value | {"seal": seal_of(value)}


def _seal(value: Mapping[str, Any]) -> str:
    """Return the seal of what stands beside the sources, and of their names: each of them has its own."""
    beside = {key: entry for key, entry in value.items() if key not in {"sources", "seal"}}
    return seal_of([beside, sorted(value["sources"])])


def _source(session: Session, source: PlannedSource) -> dict[str, Any]:
    """Return what is promised of a source; rights as its claim alone gives them: texts may have come since."""
    release = source.release
    rights = rights_of(session)(source.source, release, ()) if release is not None else None
    files = [[asset.path, asset.size, _known_by(asset)] for asset in sorted(source.taken, key=_path)]
    claim = release.license if release is not None else None
    return {
        "kind": source.source.settings.kind,
        "does": "take" if source.action in {"download", "reuse"} else source.action,
        "refused": source.error.code if source.error is not None else "",
        "revision": release.revision if release else "",
        "bytes": source.bytes_total,
        "license_raw": [*claim.raw, *filter(None, (claim.name, claim.link))] if claim else [],
        "license_evidence": sorted({one.sha256 for one in claim.evidence if one.sha256}) if claim else [],
        "license_declared": rights.conclusion.declared if rights else "",
        "license_concluded": rights.conclusion.concluded if rights else "",
        "license_flags": [[one.code, one.outcome, one.rule] for one in rights.ruled] if rights else [],
        "duties": list(rights.duties) if rights else [],
        "opt_outs": list(rights.opt_outs) if rights else [],
        "outcome": str(rights.outcome) if rights else "",
        "terms": release.terms.sha256 if release is not None and release.terms is not None else "",
        "drift": source.drift.message if source.drift is not None else "",
        "files": files,
    }


def _path(asset: Asset) -> str:
    return asset.path


def _known_by(asset: Asset) -> list[str]:
    """Return what tells a file from another of its size: its digests, or when a file of one's own was written to."""
    if asset.local_path and not asset.digests:
        return [f"{_WRITTEN}:{asset.modified_ns}"]
    return sorted(map(str, asset.digests))


def write_promise(target: Path, session: Session, plan: Plan, update: Iterable[str] = ()) -> None:
    """Write the plan, for review and for `acquire fetch`."""
    write_json(target, promise(session, plan, update))


def read_promise(path: Path) -> dict[str, Any]:
    """Read a plan. UsageError with its line when it is none, was cut or edited, or is of a version that is not known here."""
    try:
        document = read_document(path, code="plan-file", hint=_ANEW, refuse=_refused)
    except OSError as error:
        raise UsageError(f"the plan cannot be read: {error}", where=str(path), hint=_ANEW) from error
    found = document.value
    if not isinstance(found, dict) or found.get("kind") not in {"planned-fetch", "plan"}:
        raise UsageError("this is no plan that `acquire plan --out` wrote", where=str(path), hint=_ANEW)
    if found.get("schema_version") != SCHEMA_VERSION or found["kind"] == "plan":
        said = f"the plan is of schema version {found.get('schema_version')!r}, not {SCHEMA_VERSION}"
        raise _refused([document.problem(said, "schema_version")])
    sources = found.get("sources")
    if not isinstance(sources, dict) or not all(isinstance(entry, dict) for entry in sources.values()):
        raise _refused([document.problem("it has to hold an object per source", "sources")])
    edited = [
        document.problem("this was changed by hand: it does not fit its seal", "sources", name)
        for name, entry in sources.items()
        if entry.get("seal") != seal_of({key: value for key, value in entry.items() if key != "seal"})
    ]
    if found.get("seal") != _seal(found):
        edited.append(document.problem("something beside the sources, or their list, was changed by hand"))
    if edited:
        raise _refused(edited)
    return found


def _refused(found: Sequence[Problem]) -> UsageError:
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return UsageError(f"the plan is damaged: {first.message}{more}", where=first.where, hint=_ANEW)


def planned_only(path: Path) -> tuple[str, ...]:
    """Return the sources that a plan was limited to, () for all."""
    return tuple(str(name) for name in read_promise(path).get("only", ()))


def keep(told: Mapping[str, Any], session: Session, plan: Plan, where: str) -> None:
    """Raise PlanChanged with every difference between what was promised and what would be done now, licenses first."""
    now = promise(session, plan, told.get("update", ()))
    differences = ["the declaration says something else"] if told.get("declaration") != now["declaration"] else []
    asked = frozenset(told.get("only", ())) or {*told["sources"], *now["sources"]}  # the others take part as they lie here
    before, after = ({name: one["sources"][name] for name in one["sources"] if name in asked} for one in (told, now))
    found = list(_differences(before, after))
    differences += [text for grave, text in found if grave] + [text for grave, text in found if not grave]
    if differences:
        more = f"\n    and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise PlanChanged(
            "the world is not as planned any more, so nothing was moved:\n    " + "\n    ".join(differences[:_SHOWN]) + more,
            where=where,
            hint="Look at `acquire plan` again, and write the plan anew with --out.",
        )


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    """Yield each difference as a sentence, and whether it is one of rights."""
    for name in sorted({*before, *after}):
        if name not in before or name not in after:
            yield False, f"{name}: {'not declared any more' if name in before else 'declared now, and not in the plan'}"
            continue
        old, new = before[name], after[name]
        come = _CRAWLED if (old.get("does"), new["does"]) == ("crawl", "take") else frozenset()
        for key in new:
            if key in _BESIDE | come or old.get(key) == new[key] or (key == "revision" and _pinned_since(old, new)):
                continue
            word = _WORDS.get(key, key.replace("_", " "))
            rights = key.startswith("license") or key in {"terms", "drift", "duties", "opt_outs", "outcome"}
            yield rights, f"{name}: {word} was {_plain(old.get(key))}, is {_plain(new[key])}"
        if "files" not in come and (moved := list(_moved(old["files"], new["files"]))):
            more = f" and {len(moved) - _NAMED:,} more" if len(moved) > _NAMED else ""
            yield False, f"{name}: files differ: {', '.join(moved[:_NAMED])}{more}"


def _pinned_since(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Say whether nothing pinned the release and its bytes do now; whether they are others is told by its files."""
    return old.get("revision") == "" and str(new["revision"]).startswith("sha256:")


def _moved(old: Sequence[Any], new: Sequence[Any]) -> Iterator[str]:
    """Yield each file that was added, changed or taken away; what only one side knows of it is no change."""
    before = {path: (size, _by_algorithm(digests)) for path, size, digests in old}
    after = {path: (size, _by_algorithm(digests)) for path, size, digests in new}
    for path in sorted({*before, *after}):
        if path not in before or path not in after:
            yield f"{'-' if path in before else '+'} {path}"
            continue
        (size, digests), (now, given) = before[path], after[path]
        if None not in (size, now) and size != now:
            yield f"~ {path} ({size:,} → {now:,} bytes)"
        elif differing := [
            algorithm for algorithm in digests if given.get(algorithm, digests[algorithm]) != digests[algorithm]
        ]:
            yield f"~ {path} ({'written to since' if differing == [_WRITTEN] else 'another digest'})"


def _by_algorithm(digests: Iterable[str]) -> dict[str, str]:
    return dict(digest.split(":", 1) for digest in digests)


def _plain(value: Any) -> str:
    return repr(value) if value not in ("", [], None) else "nothing"
