"""What a run has brought, and the release that the following stages see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from acquisition.crawl.job import JOB_FILE, load_job, question, spider_of, start_of
from acquisition.errors import WorkspaceDamaged
from acquisition.workspace import write_json

if TYPE_CHECKING:  # their modules load pyarrow, which the crawling processes have no use for
    from acquisition.model import Asset, Release
    from acquisition.protocols import Source

RUN_FILE: Final = "run.json"
WARC_SUFFIX: Final = ".warc.gz"
ITEMS_SUFFIX: Final = ".items.jsonl"
EDITED_FILE: Final = "edited.json"
"""Says of a run from which something was taken down what it was before: revision, notes, size and digest of its files."""
_NOT_CONTENT: Final = frozenset({"warc", "retrieved_at", "robots", "change", "redirects", "referrer", "page"})
"""Keys of an item's record that may differ between two visits to an unchanged page."""


@dataclass(frozen=True, slots=True)
class CrawlRun:
    """One run of a spider: when, how much, what was refused or failed and why it ended.

    `pages` counts responses (media and redirects too, robots.txt not), `bytes` their bodies as sent, `refused` what a rule
    or limit kept from being fetched, `failed` what was tried in vain, both by reason; `refusals.jsonl` in `directory`
    names the addresses. `changes` counts what differs from the run before (items: new, same, changed, gone, carried; pages:
    gone, unlinked, opted-out, left-out, failed). `finished` is False when the same command would go on where this run ended.
    """

    id: str
    directory: Path
    started: str
    ended: str
    pages: int = 0
    items: int = 0
    bytes: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    finished: bool = False
    finish_reason: str = ""

    def save(self) -> None:
        """Write the outcome into the run's directory."""
        write_json(self.directory / RUN_FILE, asdict(self) | {"directory": ""})


def load_run(directory: Path) -> CrawlRun | None:
    """Return the outcome of the run in this directory, None while it has none (it was killed, or still runs)."""
    try:
        found = json.loads((directory / RUN_FILE).read_bytes())
        return CrawlRun(**(found | {"directory": directory}))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise WorkspaceDamaged(f"the crawl's outcome cannot be read: {error}", where=str(directory / RUN_FILE)) from error


def find_run(root: Path, source: Source, *, replay: bool = False) -> Path | None:
    """Return the newest run directory below `root` (workspace.crawl/<source>) that asked the same question, if any.

    Give it to `run(resume=True)`: an unfinished run goes on, a finished one is returned as it is. A replay that did not finish
    only goes on as one, and so does a visit.
    """
    asked = question(source)
    for path in sorted(root.glob(f"*/{JOB_FILE}"), reverse=True):
        job = load_job(path)
        if job.digest != asked:
            continue
        outcome = load_run(path.parent)
        if job.replay == replay or (outcome is not None and outcome.finished):
            return path.parent
    return None


def release(source: Source, run: CrawlRun | Path, *, resolved_at: str) -> Release:
    """Return the crawl as a pinned release: its WARC files and the lists of the items found in them.

    The revision is a digest over the items' addresses, contents and descriptions, so two visits to an unchanged site have
    the same one although their archives differ. Raises WorkspaceDamaged when the directory holds no finished archive.
    """
    from acquisition.model import Release

    directory = run if isinstance(run, Path) else run.directory
    outcome = load_run(directory) if isinstance(run, Path) else run
    if outcome is None:
        raise WorkspaceDamaged("the crawl has not ended", where=str(directory), hint="Run the same command again to resume it.")
    settings = source.settings
    start, spider = next(iter(start_of(settings)), ""), spider_of(settings)
    what = f"{spider} spider" if spider else settings.kind
    return Release(
        source=source.name,
        kind=settings.kind,
        revision=f"sha256:{edited_from(directory).get('revision') or _revision(directory)}",
        assets=tuple(_assets(directory)),
        title=f"{what} on {start}" if start else what,
        homepage=start,
        reader="crawl",
        resolved_at=resolved_at,
        notes=edited_from(directory).get("notes") or tuple(_notes(outcome)),
    )


def note_identity(directory: Path) -> None:
    """Write down what a finished run is known by, before anything is taken out of it; what is written already stays."""
    if not (directory / EDITED_FILE).exists():
        files = {asset.path: [asset.size, asset.digests[0].value] for asset in _assets(directory)}
        outcome = load_run(directory)
        notes = list(_notes(outcome)) if outcome is not None else []
        write_json(directory / EDITED_FILE, {"revision": _revision(directory), "files": files, "notes": notes})


def edited_from(directory: Path) -> dict[str, Any]:
    """Return what a run was before something was taken out of it, {} where nothing was; WorkspaceDamaged when unreadable."""
    path = directory / EDITED_FILE
    try:
        found = json.loads(path.read_bytes())
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in found["files"].items()}
        return {"revision": str(found["revision"]), "files": files, "notes": tuple(map(str, found["notes"]))}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceDamaged(f"what the crawl was before a takedown cannot be read: {error}", where=str(path)) from error


def _revision(directory: Path) -> str:
    digests = sorted(_content_digest(record) for path in _item_files(directory) for record in _records(path))
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _content_digest(record: Mapping[str, Any]) -> str:
    content = {key: value for key, value in record.items() if key not in _NOT_CONTENT}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _item_files(directory: Path) -> list[Path]:
    return sorted(directory.glob(f"*{ITEMS_SUFFIX}"))


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as stream:
        for line in stream:
            yield json.loads(line)


def _assets(directory: Path) -> Iterator[Asset]:
    from acquisition.model import Asset, Digest

    before = edited_from(directory).get("files", {})
    for path in sorted((*directory.glob(f"*{WARC_SUFFIX}"), *_item_files(directory))):
        status = path.stat()
        size, sha256 = before.get(path.name) or (status.st_size, _digest(path))
        yield Asset(
            path=path.name,
            size=size,
            digests=(Digest("sha256", sha256),),
            media_type="application/warc" if path.name.endswith(WARC_SUFFIX) else "application/jsonl",
            local_path=str(path),
            modified_ns=status.st_mtime_ns,
        )


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _notes(run: CrawlRun) -> Iterator[str]:
    yield "robots.txt was obeyed; a host whose robots.txt could not be reached was not visited"
    yield f"{run.pages} responses archived, {run.items} items found"
    for what, counts in (("refused", run.refused), ("failed", run.failed)):
        if counts:
            yield f"{what}: " + ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    if not run.finished:
        yield f"the crawl is not complete ({run.finish_reason})"
