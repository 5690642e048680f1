"""What the downloader's flow tests share: a workspace, a world of misbehaving servers, and one call that fetches."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acquisition.blobs import BlobStore
from acquisition.demo.servers import World
from acquisition.errors import AcquisitionError
from acquisition.fetch import Arrived, Downloader, DownloadLimits, Failed, Transfer
from acquisition.journal import Journal
from acquisition.model import Asset, Digest, Location
from acquisition.network import AddressGuard
from acquisition.protocols import Reporter
from acquisition.workspace import Workspace

MIB = 1 << 20
FAST = DownloadLimits(disk_reserve=0, backoff=0.001, stall_timeout=1.0, connect_timeout=2.0, ranges_from=1 << 60)
LOOPBACK = AddressGuard(["http://127.0.0.1/"])


def noise(size: int, seed: int = 1) -> bytes:
    """Return bytes that look like nothing."""
    return random.Random(seed).randbytes(size)


def sha256(data: bytes) -> Digest:
    """Return the digest a publisher would give."""
    return Digest("sha256", hashlib.sha256(data).hexdigest())


class Notes(Reporter):
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def event(self, name: str, /, **fields: Any) -> None:
        """Keep the event."""
        self.events.append((name, fields))

    def codes(self, name: str) -> list[str]:
        """Return the codes of all events of a name."""
        return [fields["code"] for event, fields in self.events if event == name]


@dataclass
class Kit:
    """One workspace with its journal and blobs, and the world to fetch from."""

    world: World
    workspace: Workspace
    journal: Journal
    blobs: BlobStore
    notes: Notes = field(default_factory=Notes)
    stop: threading.Event = field(default_factory=threading.Event)

    def transfer(
        self,
        path: str,
        url: str | Callable[[], str],
        *,
        headers: dict[str, str] | None = None,
        guard: AddressGuard = LOOPBACK,
        **asset: Any,
    ) -> Transfer:
        """Return the wish for one asset; a callable URL stands for a hub that has to be asked."""
        ask = url if callable(url) else lambda: url
        made = Asset(path, url="" if callable(url) else url, **asset)
        return Transfer("garden", "r1", made, lambda: Location(ask(), headers or {}), guard)

    def downloader(self, limits: DownloadLimits = FAST, **more: Any) -> Downloader:
        """Return a downloader on this workspace."""
        fixed: dict[str, Any] = {"blobs": self.blobs, "journal": self.journal, "reporter": self.notes, "stop": self.stop}
        return Downloader(**fixed, user_agent="acquisition/test", limits=limits, **more)

    def fetch(self, *transfers: Transfer, limits: DownloadLimits = FAST, **more: Any) -> list[Arrived | Failed]:
        """Fetch and return the results in the order of the wishes."""
        results = {result.transfer.key: result for result in self.downloader(limits, **more).run(iter(transfers))}
        return [results[transfer.key] for transfer in transfers]

    def arrived(self, transfer: Transfer, **more: Any) -> Arrived:
        """Fetch one asset that must arrive."""
        (result,) = self.fetch(transfer, **more)
        assert isinstance(result, Arrived), result.error
        return result

    def failed(self, transfer: Transfer, **more: Any) -> AcquisitionError:
        """Fetch one asset that must not arrive, and return why it did not."""
        (result,) = self.fetch(transfer, **more)
        assert isinstance(result, Failed), result
        return result.error

    def content(self, result: Arrived) -> bytes:
        """Return the blob's bytes."""
        return Path(result.blob.path).read_bytes()

    def ranges(self) -> list[str]:
        """Return the Range headers that the storage was sent, "" for a request without one."""
        return [request.headers.get("range", "") for request in self.world.requests("storage")]

    def leftovers(self) -> list[str]:
        """Return what lies in the folder of part files."""
        return sorted(path.name for path in self.workspace.partial.iterdir())


@contextmanager
def kit(directory: Path) -> Iterator[Kit]:
    """Open a workspace and a world."""
    workspace = Workspace(directory / "data")
    workspace.root.mkdir()
    with World() as world, Journal(workspace.journal) as journal:
        yield Kit(world, workspace, journal, BlobStore(workspace))
