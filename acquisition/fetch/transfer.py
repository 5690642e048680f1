"""What the downloader is asked for, and what it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from acquisition.errors import AcquisitionError
from acquisition.model import Asset, Blob, Location
from acquisition.network import AddressGuard


@dataclass(frozen=True, slots=True)
class Transfer:
    """One asset that is wanted.

    `release` is the pinned revision, or whatever else names the release of this source. `locate` is asked for the bytes'
    address before the first request and again when a signed address has expired; when `asset.url` is "" it is called in a
    worker thread, because then it has to ask a server. `expect_html` accepts a web page as data. `max_bytes` is the ceiling
    on what this source may download in one run, `bandwidth` its bytes per second (such a source gets one connection).
    """

    source: str
    release: str
    asset: Asset
    locate: Callable[[], Location]
    guard: AddressGuard
    expect_html: bool = False
    max_bytes: int | None = None
    bandwidth: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies the asset in the journal."""
        return (self.source, self.release, self.asset.path)

    @property
    def part_key(self) -> str:
        """Name of the part file: a digest, because paths and revisions come from outside."""
        return hashlib.sha256(json.dumps(self.key).encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Arrived:
    """An asset whose bytes are here, verified.

    `digests_checked` are "algorithm:value" texts of the publisher and of the server that were compared. `downloaded` counts
    the body bytes moved in this run, 0 when nothing had to move. `final_url` is where they came from, without its query.
    `unwrapped` says what was taken off ("zip:<member>", "gzip"), "" for nothing.
    """

    transfer: Transfer
    blob: Blob
    digests_checked: tuple[str, ...] = ()
    downloaded: int = 0
    etag: str = ""
    last_modified: str = ""
    fetched_at: str = ""
    final_url: str = ""
    unwrapped: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An asset that did not arrive. What did is kept, and a later run continues from there."""

    transfer: Transfer
    error: AcquisitionError


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """How much, how fast, how patiently. Bytes and seconds.

    `total_bytes`       body bytes moved in one run, None for no ceiling
    `bandwidth`         bytes per second over everything together
    `disk_reserve`      what must stay free on the workspace's disk
    `per_host`, `total` connections to one host (None: 8, and 32 to this machine itself), and in all
    `ranges_from`, `ranges`   from this size on a file may be fetched in this many stretches at once
    `stall_timeout`, `min_speed`   a connection with fewer bytes a second than this over the whole time-out is given up
    `retries`           attempts after a failure without progress in between
    `backoff`, `backoff_cap`   full jitter: a random wait up to backoff × 2^n or the cap
    `max_wait`          the longest wait that a server may ask for; if it asks for more, the asset fails until a later run
    """

    total_bytes: int | None = None
    bandwidth: int | None = None
    disk_reserve: int = 1_000_000_000
    per_host: int | None = None
    total: int = 64
    ranges_from: int = 64 << 20
    ranges: int = 4
    connect_timeout: float = 15.0
    stall_timeout: float = 30.0
    min_speed: float = 100.0
    retries: int = 6
    backoff: float = 1.0
    backoff_cap: float = 60.0
    max_wait: float = 900.0
    max_redirects: int = 10
