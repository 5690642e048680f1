"""What every source may say, whatever its kind, and what every crawled one may say beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from acquisition.settings.base import ByteCount, ByteRate, Expandable, ExpandablePath, Seconds, Settings
from acquisition.settings.files import FileSettings
from acquisition.settings.items import ItemSettings, ReadSettings


class SourceLimitSettings(Settings):
    """Ceilings for one source."""

    bytes: ByteCount | None = None
    items: int | None = Field(default=None, ge=1)
    bandwidth: ByteRate | None = None
    pages: int | None = Field(default=None, ge=1)
    """Spiders: pages fetched in one run."""
    depth: int | None = Field(default=None, ge=0)
    """Spiders: links followed from a start page."""
    seconds: Seconds | None = None
    """Spiders: time for one run."""


class LicenseSettings(Settings):
    """The user's own word on a source's license, with its evidence. It overrides what the publisher says."""

    declared: str = Field(min_length=1)
    """An SPDX expression such as CC-BY-4.0, or LicenseRef-… for terms of one's own."""
    evidence: ExpandablePath = ""
    """A file or a URL where it can be read; a file's digest and text go into the lock."""
    redistribute: bool | None = None
    ml_training: Literal["allowed", "denied", "unknown"] | None = None
    """What the terms say about training models (sample packs often forbid it)."""
    owner: str = ""


class AuthSettings(Settings):
    """Where the credential is; never the credential itself."""

    env: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of an environment variable."""


class AttributionSettings(Settings):
    """Whom to credit, where the publisher does not say it by machine."""

    author: str = ""
    title: str = ""
    url: str = ""


class SourceSettings(Settings):
    """What every source may say, whatever its kind."""

    kind: str
    files: FileSettings = FileSettings()
    items: ItemSettings = ItemSettings()
    read: ReadSettings = ReadSettings()
    license: LicenseSettings | None = None
    attribution: AttributionSettings = AttributionSettings()
    why: str = ""
    """Why this source is in the set; it goes into the manifest."""
    limits: SourceLimitSettings = SourceLimitSettings()
    auth: AuthSettings | None = None
    base_url: Annotated[Expandable, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    """Another host to ask instead of the service's own: a mirror, or a loopback stand-in."""


class HostBudgetSettings(Settings):
    """What one registrable host may cost in one run; beyond it the host is left alone, and said."""

    pages: int | None = Field(default=None, ge=1)
    bytes: ByteCount | None = None
    seconds: Seconds | None = None
    """Time from the first request to the host to the last, delays included."""
    errors: int = Field(default=50, ge=1)


class CrawlSettings(SourceSettings):
    """What every source may say whose bytes the polite crawler moves."""

    delay: Seconds = 1.0
    """Seconds from the end of one answer of a host to the next request; robots.txt, Retry-After and slow answers only make it
    longer. At least 0.25 s everywhere but on loopback."""
    latency_factor: float = Field(default=2.0, ge=0, le=100, strict=False)
    """The delay is at least this many times the host's usual latency."""
    concurrency: int = Field(default=1, ge=1, le=64)
    """Requests under way to one host. More than 1 counts on loopback only."""
    max_response: ByteCount = 32_000_000
    """Bytes of one response; a longer one is not taken and recorded as a failure."""
    per_host: HostBudgetSettings = HostBudgetSettings()
    ports: tuple[int, ...] = (80, 443, 8080, 8443)
    """Ports that may be asked; those of the declaration's own addresses may always."""
    own_hosts: tuple[str, ...] = ()
    """Literal loopback or private addresses of one's own that pages or lists may lead to."""
    frontier: Annotated[Expandable, Field(pattern=r"^postgres(ql)?://\S+$")] | None = None
    """A PostgreSQL database in which several processes and machines share the crawl; left out: SQLite in the workspace."""

    @property
    def stand_in(self) -> str | None:
        """Where the hosts of start addresses are looked for instead; None where `base_url` means something else."""
        return self.base_url
