"""Files that nothing but their bytes pin: whether a server says, without sending them, that they are others by now.

What it said when they came stands in the journal. A digest that it gives decides, then the entity tag, then the size and
the time of the last change (RFC 9110, 8.8). Where it gives none of them, or nobody knows what it gave, nothing can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from acquisition.api import head_of, refusal_of
from acquisition.errors import AcquisitionError, SourceNotFound, SourceRemoved
from acquisition.fetch.answer import Answer
from acquisition.journal import BlobRecord, Journal
from acquisition.lock import Pin
from acquisition.model import Asset
from acquisition.pipeline.session import Session
from acquisition.plan import PlannedSource, Standing

_GONE: Final = frozenset({404, 410})
_UNWILLING: Final = frozenset({400, 401, 403, 405, 501})
"""Statuses by which servers refuse HEAD for files that they give."""
_NAMED: Final = 3
_UNKNOWN: Final = "the server says nothing by which it could be told (no digest, ETag or Last-Modified)"
_NEW_HERE: Final = "what the server said when it came is not known in this workspace"


def standing_of(session: Session) -> Callable[[PlannedSource, Pin], Standing]:
    """Return how an update learns which files of a release without a revision have changed; raises what clients raise."""

    def look(planned: PlannedSource, kept: Pin) -> Standing:
        bare = [asset for asset in planned.taken if asset.url and not asset.digests and not asset.local_path]
        if session.offline or not bare or planned.published is None or planned.published.revision:
            return Standing()
        changed: dict[str, int] = {}
        untold: dict[str, list[str]] = {}
        records = _records(session, planned.name, kept)
        for asset in bare:
            head = _asked(session, planned, asset)
            said = verdict(head, kept.held.get(asset.path, ""), records.get(asset.path))
            if said == "changed":
                changed[asset.path] = head.length or 0
            elif said != "same":
                untold.setdefault(said, []).append(asset.path)
        return Standing(changed, tuple(_notes(planned.name, untold)))

    return look


def _notes(name: str, untold: dict[str, list[str]]) -> Iterator[str]:
    for why, paths in untold.items():
        named = ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else "")
        yield f"cannot tell whether {named} changed upstream: {why}; `acquire fetch --update {name}` takes it anew"


def _records(session: Session, name: str, kept: Pin) -> dict[str, BlobRecord]:
    """Return by path what the journal knows of the files that the lock holds: of the newest transfer that knows something."""
    if not session.workspace.journal.exists():
        return {}
    with Journal(session.workspace.journal) as journal:
        found = [record for record in journal.blobs_of(name) if kept.held.get(record.path) == record.sha256]
    told = sorted(found, key=lambda record: (bool(record.etag or record.last_modified), record.fetched_at))
    return {record.path: record for record in told}


def _asked(session: Session, planned: PlannedSource, asset: Asset) -> Answer:
    """Ask for the head of a file; an answer without headers where the server refuses that, SourceNotFound where it is gone."""
    source, release = planned.source, planned.release
    assert release is not None
    context = session.context(source, release)
    location = session.adapter(source).locate(source, release, asset, context)
    answer = head_of(context.api, location.url, location.headers)
    if answer.status in _UNWILLING:
        return Answer(answer.status)
    if not 200 <= answer.status < 300:
        error = refusal_of(answer, location.headers)
        if answer.status in _GONE:
            raise _gone(asset, error)
        raise error
    return Answer(answer.status, {name: [value] for name, value in answer.headers.items()})


def _gone(asset: Asset, error: AcquisitionError) -> AcquisitionError:
    kind = SourceRemoved if isinstance(error, SourceRemoved) else SourceNotFound
    return kind(f"{asset.path} is not there any more: {error.message}", where=error.where)


def verdict(head: Answer, sha256: str, record: BlobRecord | None) -> str:
    """Return "changed", "same", or why neither can be told."""
    if head.status in _UNWILLING:
        return f"the server answers {head.status} when asked about it"
    whole = record is None or not record.unwrapped
    known = {"sha256": sha256} | dict(text.split(":", 1) for text in (record.digests_checked if record else ()))
    given = [digest for digest in head.digests() if whole and known.get(digest.algorithm)]
    if given:
        return "changed" if any(known[digest.algorithm] != digest.value for digest in given) else "same"
    if record is None:
        return _NEW_HERE
    if record.etag and head.etag:
        return "same" if record.etag.removeprefix("W/") == head.etag.removeprefix("W/") else "changed"
    if whole and not head.encoding and head.length and head.length != record.size:
        return "changed"
    modified = head.get("last-modified")
    if record.last_modified and modified:
        return "same" if record.last_modified == modified else "changed"
    return _UNKNOWN
