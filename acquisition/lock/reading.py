"""From sources.lock to pins. What is damaged, edited or of another version is named with its line, and nothing is guessed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from acquisition.errors import LockDamaged, Problem
from acquisition.lock.form import MIGRATIONS, VERSION, LockForm
from acquisition.lock.pins import HostFile, Lock, Pin, TextDigest
from acquisition.lock.positions import Place, place_at, place_of, repeated_key
from acquisition.lock.sealing import edited
from acquisition.lock.writing import facts_of, sealed
from acquisition.model import Asset, Digest, Evidence, LicenseClaim, Release, Terms

_RESTORE: Final = "Restore it from version control, or remove the entry (or the file) and pin anew with `acquire lock`."
_CONFLICT: Final = "These are marks of a merge: take one side's whole entry of each source, then run `acquire lock`."
_MOST: Final = 50
_PLAIN: Final = (
    "kind", "revision", "version_label", "title", "homepage", "citation", "doi", "reader", "resolved_at", "items",
)  # fmt: skip

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A generated JSON file as read: its text, its value, and how its faults are named.

    `code` is the problems' code, `what` what the file is called in messages, `hint` what to do about it.
    """

    path: Path
    text: str
    value: Any
    code: str
    hint: str

    def problem(self, message: str, *steps: str | int, code: str = "") -> Problem:
        """Return a problem with the place of what it speaks of, and the path of keys that leads there."""
        place = place_of(self.text, steps)
        field = ".".join(str(step) for step in steps)
        return self._at(place, f"{field}: {message}" if field else message, code)

    def _at(self, place: Place, message: str, code: str = "") -> Problem:
        return Problem(code or self.code, message, str(self.path), place.line, place.column, self.hint)


def read_document(path: Path, *, code: str, hint: str, refuse: Callable[[Sequence[Problem]], Exception]) -> Document:
    """Read a generated JSON file; what `refuse` makes of the problem is raised when it is no JSON or says something twice.

    Raises OSError when it cannot be read.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        place = place_at(content[: error.start].decode("utf-8", "replace") + " ", error.start)
        raise refuse([Problem(code, "this is not UTF-8", str(path), place.line, 1, hint)]) from error
    try:
        twice: list[str] = []
        value = json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, twice))
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip())
        said = f"the file ends in the middle: {error.msg}" if cut else f"this is not JSON: {error.msg}"
        marked = text.startswith(("<<<<<<<", "=======", ">>>>>>>"), text.rfind("\n", 0, error.pos) + 1)
        raise refuse([Problem(code, said, str(path), error.lineno, error.colno, _CONFLICT if marked else hint)]) from error
    except (RecursionError, ValueError) as error:  # ValueError: more digits than Python makes a number of
        said = "it is nested too deeply" if isinstance(error, RecursionError) else "a number in it is too long to be one"
        raise refuse([Problem(code, said, str(path), 1, 1, hint)]) from error
    if twice and (found := repeated_key(text)):  # the second look is slow, and needed only for the place
        key, place = found
        raise refuse([Problem(code, f"`{key}` stands here a second time", str(path), place.line, place.column, hint)])
    return Document(path, text, value, code, hint)


def _object(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    """Return an object, and note in `twice` where it says something twice: JSON takes the last in silence."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice.append(pairs[0][0])
    return found


def read_lock(path: Path) -> Lock:
    """Read sources.lock; an absent file is an empty lock. LockDamaged names every fault with its line and field."""
    try:
        document = read_document(path, code="lock", hint=_RESTORE, refuse=_damaged)
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        raise LockDamaged(f"the lock cannot be read: {error.strerror or error}", where=str(path), hint=_RESTORE) from error
    version = _version(document)
    value = _migrated(document.value, version)
    faults = [*_formal(document, value, version), *_contradictions(document, value, version)]
    if faults:
        raise _damaged(faults)
    return Lock({name: _pin(name, entry) for name, entry in value["sources"].items()}, read_as=version)


def _damaged(found: Sequence[Problem]) -> LockDamaged:
    shown = sorted(found, key=lambda problem: (problem.line, problem.column))[:_MOST]
    first = shown[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return LockDamaged(f"the lock is damaged: {first.message}{more}", where=first.where, hint=first.hint, problems=shown)


def _version(document: Document) -> int:
    value = document.value
    if not isinstance(value, dict) or not isinstance(value.get("sources"), dict):
        raise _damaged([document.problem("this is no lock: an object with `version` and `sources` is wanted")])
    version = value.get("version")
    if isinstance(version, int) and not isinstance(version, bool) and (version == VERSION or version in MIGRATIONS):
        return version
    newer = isinstance(version, int) and version > VERSION
    said = (
        f"the lock is of schema version {version!r}; this program reads {', '.join(map(str, sorted(MIGRATIONS)))} and {VERSION}"
    )
    place = place_of(document.text, ("version",))
    hint = "Use the newer release of acquisition that wrote it." if newer else _RESTORE
    raise _damaged([Problem("lock-version", said, str(document.path), place.line, place.column, hint)])


def _migrated(value: dict[str, Any], version: int) -> dict[str, Any]:
    """Return a lock of an older version in today's form; it is sealed as it is, for nothing says what it was."""
    for older in range(version, VERSION):
        value = MIGRATIONS[older](value)
    if version < 2:
        sources = value["sources"].items()
        value = {**value, "sources": {name: _sealed_anew(name, entry) for name, entry in sources}}
    return value


def _sealed_anew(name: str, entry: Any) -> Any:
    return sealed(name, entry) if isinstance(entry, dict) and "files" in entry else entry


def _formal(document: Document, value: dict[str, Any], version: int) -> Iterator[Problem]:
    """Yield what does not have the form of a lock."""
    try:
        LockForm.model_validate(value)
    except ValidationError as error:
        for fault in error.errors(include_url=False)[:_MOST]:
            steps = _steps(value, fault["loc"])
            if version < VERSION and "seal" in steps:
                continue
            yield document.problem(_worded(fault["type"], fault["msg"], steps), *steps)


def _steps(value: Any, location: tuple[str | int, ...]) -> Steps:
    """Return the part of pydantic's location that exists in the value: it also names branches of unions and keys."""
    steps: list[str | int] = []
    for step in location:
        inside = isinstance(value, dict) and step in value
        if inside or (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            value = value[step]
            steps.append(step)
        elif isinstance(value, dict) and isinstance(step, str) and step != "[key]":
            return (*steps, step)
    return tuple(steps)


def _worded(kind: str, message: str, steps: Steps) -> str:
    if kind == "missing":
        return f"`{steps[-1]}` is missing" if steps else "something is missing"
    if kind == "extra_forbidden":
        return "no such key is known here"
    plain = message.removeprefix("Value error, ")
    return plain[:1].lower() + plain[1:]


def _contradictions(document: Document, value: dict[str, Any], version: int) -> Iterator[Problem]:
    """Yield where an entry contradicts itself: a path twice, or a content that does not fit its seal."""
    for name, entry in value["sources"].items():
        if not isinstance(entry, dict) or not isinstance(entry.get("files"), list):
            continue
        paths = [file.get("path") for file in entry["files"] if isinstance(file, dict)]
        for path, count in Counter(path for path in paths if isinstance(path, str)).items():
            if count > 1:
                again = len(paths) - 1 - paths[::-1].index(path)
                yield document.problem(f"the file {path!r} is listed {count} times", "sources", name, "files", again)
        if version >= VERSION and isinstance(seal := entry.get("seal"), dict):
            yield from _broken(document, name, entry, seal)


def _broken(document: Document, name: str, entry: dict[str, Any], seal: Mapping[str, Any]) -> Iterator[Problem]:
    said = "this was changed by hand: it does not fit the entry's seal"
    for part, parts, steps in (("facts", facts_of(name, entry), ()), ("files", entry["files"], ("files",))):
        where = edited(parts, str(seal.get(part, "")))
        if where is not None:
            for deeper in [(step,) if step != "" else () for step in where] or [()]:
                yield document.problem(said, "sources", name, *steps, *deeper)


# --- values ---------------------------------------------------------------------------------------------------------------


def _pin(name: str, raw: Mapping[str, Any]) -> Pin:
    held = {}
    assets = []
    for entry in raw["files"]:
        digests = entry.get("digests", {})
        if "sha256" in digests:
            held[entry["path"]] = digests["sha256"]
        assets.append(
            Asset(
                path=entry["path"],
                url=entry.get("url", ""),
                size=entry["size"],
                digests=tuple(Digest(algorithm, value) for algorithm, value in sorted(digests.items())),
                media_type=entry.get("media_type", ""),
                packed=entry.get("packed", ""),
            )
        )
    terms, own = raw.get("terms"), raw.get("own")
    release = Release(
        source=name,
        assets=tuple(assets),
        license=_claim(raw["license"]),
        terms=Terms(**terms) if terms else None,
        authors=tuple(raw.get("authors", ())),
        notes=tuple(raw.get("notes", ())),
        **{"revision": "", **{key: raw[key] for key in _PLAIN if key in raw}},
    )
    return Pin(
        identity=raw["declared"],
        release=release,
        held=held,
        own=_claim(own) if own else None,
        texts=tuple(TextDigest(**text) for text in raw.get("texts", ())),
        hosts=tuple(HostFile(**{**host, "signals": tuple(host.get("signals", ()))}) for host in raw.get("hosts", ())),
    )


def _claim(raw: Mapping[str, Any]) -> LicenseClaim:
    values = dict(raw)
    values["raw"] = tuple(values.get("raw", ()))
    blank = {"field": "", "raw": "", "url": "", "sha256": "", "at": ""}
    values["evidence"] = tuple(Evidence(**{**blank, **entry}) for entry in values.get("evidence", ()))
    return LicenseClaim(**values)
