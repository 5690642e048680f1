"""Do a bundle's papers agree with each other and with its files: every item is here or named as not here, and may be here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from acquisition.bundle.form import CURATED, LOCK, MANIFEST, NOT_INCLUDED, Code
from acquisition.bundle.leaving import kept_rows, not_pinned
from acquisition.errors import WorkspaceDamaged
from acquisition.lock import Lock
from acquisition.manifest.names import FILES, ITEMS
from acquisition.rights.redistribution import why_not_redistributable

Found = tuple[Code, str, str]
_OUTCOMES = frozenset({"keep", "redact"})
_COLUMNS = (
    "id",
    "path",
    "outcome",
    "concluded_spdx",
    "license_reasons",
    "license_review",
    "changes",
    "by",
    "content_sha256",
    "stored_sha256",
)


def disagreements(
    papers: Mapping[str, Path], digests: Mapping[str, str], about: Mapping[str, Any], lock: Lock | None
) -> Iterator[Found]:
    """Yield what contradicts: code, path and why. `papers` maps names to files, `digests` all files to digests."""
    try:
        behind, files = _not_included(papers[NOT_INCLUDED])
        yield from _files(papers[FILES], digests, files, only_manifest=bool(about.get("only_manifest")))
        yield from _items(papers[ITEMS], behind, digests, about)
        if lock is not None:
            for source in not_pinned(papers[ITEMS], lock):
                yield "bundle.contradiction", LOCK, f"it does not pin the release of {source} that the items come from"
    except WorkspaceDamaged as error:
        yield "bundle.damaged", f"{MANIFEST}/{ITEMS}", error.message
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield "bundle.damaged", NOT_INCLUDED, f"it or the list of files cannot be read: {error!r}"


def _not_included(path: Path) -> tuple[set[str], dict[str, str]]:
    """Return the items that are not here, and the files that are not or not as they were: path → digest now, "" for none."""
    items: set[str] = set()
    files: dict[str, str] = {}
    with path.open("rb") as lines:
        for line in lines:
            entry = orjson.loads(line)
            if entry["what"] == "item":
                items.add(str(entry["item"]))
            elif entry["what"] == "file":
                files[str(entry["path"])] = str(entry["became"])
    return items, files


def _files(listed: Path, digests: Mapping[str, str], files: Mapping[str, str], *, only_manifest: bool) -> Iterator[Found]:
    """The set's files are those of the manifest, but for those that are named as left out or reduced."""
    known: set[str] = set()
    with listed.open("rb") as lines:
        for line in lines:
            entry = orjson.loads(line)
            path = str(entry["path"])
            name = f"{CURATED}/{path}"
            known.add(name)
            expected = "" if only_manifest else files.get(path, entry["sha256"])
            if digests.get(name, "") != expected:
                yield "bundle.contradiction", name, "it is not what the manifest and not-included.jsonl say of it"
    for name in sorted(digests):
        if name.startswith(f"{CURATED}/") and name not in known:
            yield "bundle.contradiction", name, "the manifest does not know it"


def _items(ledger: Path, behind: set[str], digests: Mapping[str, str], about: Mapping[str, Any]) -> Iterator[Found]:
    """Every kept item is in a file that is here or is named as not here; none is both, and none is here that may not be."""
    kept = included = 0
    for row in kept_rows(ledger, _COLUMNS):
        kept += 1
        path = f"{CURATED}/{row['path'].split('#', 1)[0]}"
        if about.get("only_manifest"):
            continue
        if row["outcome"] not in _OUTCOMES:
            yield "bundle.contradiction", path, f"item {row['id']} has a place in the set, and was not kept"
        if row["id"] in behind:
            own = "#" not in row["path"]
            if own and path in digests:
                yield "bundle.contradiction", path, f"item {row['id']} is here, and named as not included"
            continue
        included += 1
        if why := why_not_redistributable(row):
            yield "bundle.not-redistributable", path, f"item {row['id']}: {why}"
        if path not in digests:
            yield "bundle.contradiction", path, f"item {row['id']} is not here, and not named as not included"
        elif row["stored_sha256"] and "#" not in row["path"] and digests[path] != row["stored_sha256"]:
            yield "bundle.contradiction", path, f"the ledger has another digest for item {row['id']}"
    told = (about.get("kept"), about.get("included"))
    if told != (kept, included):
        yield (
            "bundle.contradiction",
            "bundle.json",
            f"it tells of {told[1]} of {told[0]} items, the papers of {included} of {kept}",
        )
