"""Where everything lies on disk; atomic writes; one lock per workspace.

data/
├── blobs/ab/cdef…                                  downloaded files, named by sha256, read-only
├── partial/                                        files on their way into blobs/
├── crawl/<source>/<run>/                           what the web answered
├── staging/<source>/<release>/items-00000.parquet  items in shards
├── flags/<filter>-<version>-<digest>/<source>/<release>/items-00000.parquet
├── verdicts/                                       the policy's outcome for every item shard
├── placements/                                     where every item stands in the curated set, or why it does not
├── decisions.jsonl  tombstones.jsonl               append-only
├── swept.jsonl                                    what a takedown took out of blobs/
├── splits.parquet                                  where the contents of the set are settled, so that nothing changes its split
├── references/                                     signatures of the reference sets that items are compared with
├── pushes.jsonl  pushed/                           what was pushed where, append-only, and which paths are ours there
├── journal.sqlite                                  transfers and runs
└── curated/  manifest/  report/
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from acquisition.errors import DiskFull, WorkspaceLocked


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC with seconds ("2026-11-21T05:41:00Z")."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fsync_directory(path: Path) -> None:
    """Make renames inside a directory durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_file(target: Path) -> Iterator[IO[bytes]]:
    """Write a file that appears whole or not at all: temporary file beside it, fsync, rename, fsync of the directory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    fsync_directory(target.parent)


def link_file(path: Path, target: Path) -> None:
    """Give a file that never changes a second name, or copy it where the file system has no hard links.

    What `target` held before is there until the new name is: a kill leaves the one or the other.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        try:
            os.link(path, target)
        except FileExistsError:
            _link_over(path, target)
    except OSError:
        with atomic_file(target) as stream, path.open("rb") as original:
            shutil.copyfileobj(original, stream)


def _link_over(path: Path, target: Path) -> None:
    beside = target.with_name(f".{target.name}.link")
    beside.unlink(missing_ok=True)  # of a kill
    os.link(path, beside)
    beside.replace(target)
    beside.unlink(missing_ok=True)  # renaming one name of a file to another name of it does nothing (POSIX.1-2017, rename)


def write_json(target: Path, value: Any) -> None:
    """Write JSON that is the same for the same value: sorted keys, one-space indent, final newline."""
    with atomic_file(target) as stream:
        stream.write((json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """Fill a new directory and swap it in whole; the one that was there stays until then and is then removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.new-"))
    try:
        yield fresh
        fresh.chmod(0o755)
        fsync_directory(fresh)
        _swap(fresh, target)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _swap(fresh: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old-{fresh.name.rsplit('-', 1)[-1]}")
    if target.exists():
        target.replace(old)
    fresh.replace(target)
    fsync_directory(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def free_bytes(path: Path) -> int:
    """Return the bytes that an ordinary user may still write to the file system of `path` (or its nearest parent)."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one data set. `root` is created on first use; nothing outside it is written."""

    root: Path

    @property
    def blobs(self) -> Path:
        """Downloaded files by digest."""
        return self.root / "blobs"

    @property
    def partial(self) -> Path:
        """Files on their way into the blob store."""
        return self.root / "partial"

    @property
    def crawl(self) -> Path:
        """What the web answered, per source and run."""
        return self.root / "crawl"

    @property
    def staging(self) -> Path:
        """Item shards."""
        return self.root / "staging"

    @property
    def flags(self) -> Path:
        """Flag shards."""
        return self.root / "flags"

    @property
    def verdicts(self) -> Path:
        """Verdict shards."""
        return self.root / "verdicts"

    @property
    def placements(self) -> Path:
        """Where every item stands in the curated set, or why it does not."""
        return self.root / "placements"

    @property
    def splits(self) -> Path:
        """The record of which content is settled in which split."""
        return self.root / "splits.parquet"

    @property
    def references(self) -> Path:
        """Signatures of the reference sets that items are compared with; made again when they are needed."""
        return self.root / "references"

    @property
    def curated(self) -> Path:
        """The curated set."""
        return self.root / "curated"

    @property
    def manifest(self) -> Path:
        """The manifest and its exports."""
        return self.root / "manifest"

    @property
    def evidence(self) -> Path:
        """License texts, cards, terms and robots.txt that the manifest cites, by sha256."""
        return self.root / "evidence"

    @property
    def journal(self) -> Path:
        """Transfers and runs (SQLite)."""
        return self.root / "journal.sqlite"

    @property
    def decisions(self) -> Path:
        """What people decided, append-only JSON Lines."""
        return self.root / "decisions.jsonl"

    @property
    def tombstones(self) -> Path:
        """What has been taken down, append-only JSON Lines of digests."""
        return self.root / "tombstones.jsonl"

    def blob_path(self, sha256: str) -> Path:
        """Return where the bytes with this digest lie or would lie."""
        return self.blobs / sha256[:2] / sha256[2:]

    def recover(self) -> None:
        """Finish or undo a swap of directories that a kill interrupted, and sweep temporary directories."""
        for name in ("curated", "manifest", "placements"):
            target = self.root / name
            old = sorted(self.root.glob(f".{name}.old-*"))
            if old and not target.exists():
                old[-1].replace(target)
            for leftover in (*self.root.glob(f".{name}.old-*"), *self.root.glob(f".{name}.new-*")):
                shutil.rmtree(leftover, ignore_errors=True)

    def demand_space(self, needed: int, reserve: int) -> None:
        """Raise DiskFull unless `needed` bytes fit and `reserve` bytes stay free."""
        free = free_bytes(self.root)
        if free - needed < reserve:
            raise DiskFull(
                f"{needed:,} bytes are needed and {reserve:,} are kept in reserve, but only {free:,} bytes are free",
                where=str(self.root),
                hint="Free some space, choose another workspace with --workspace, or lower limits.disk_reserve.",
            )

    @contextmanager
    def locked(self, command: str) -> Iterator[None]:
        """Hold the workspace for one command; WorkspaceLocked says which process holds it since when."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock, owner = FileLock(self.root / ".lock"), self.root / ".lock-owner.json"
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise WorkspaceLocked(
                f"another run holds this workspace: {_owner_of(owner)}",
                where=str(self.root),
                hint="Wait until it ends, stop it, or use another workspace with --workspace.",
            ) from None
        try:
            write_json(owner, {"pid": os.getpid(), "host": socket.gethostname(), "command": command, "since": utc_now()})
            self.recover()
            yield
        finally:
            with suppress(FileNotFoundError):
                owner.unlink()
            lock.release()

    def holder(self) -> str:
        """Say which process of this machine holds the workspace, "" when none does. Takes and writes nothing."""
        path = self.root / ".lock-owner.json"
        try:
            owner = json.loads(path.read_text())
            if owner["host"] == socket.gethostname():
                os.kill(int(owner["pid"]), 0)
        except PermissionError:
            pass  # it lives, and is somebody else's
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return _owner_of(path)


def _owner_of(path: Path) -> str:
    try:
        owner = json.loads(path.read_text())
        return f"`{owner['command']}`, process {owner['pid']} on {owner['host']}, since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that has not written its name yet"
