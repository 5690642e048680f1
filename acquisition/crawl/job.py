"""What one crawl is told to do, as a value that can be written beside what it brings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol, cast
from urllib.parse import urlsplit, urlunsplit

from acquisition.errors import NoContact, WorkspaceDamaged
from acquisition.network import user_agent
from acquisition.protocols import Source
from acquisition.settings import ContactSettings, SourceLimitSettings
from acquisition.workspace import write_json

JOB_FILE: Final = "job.json"


class SpiderOptions(Protocol):
    """What a crawl needs of a source's settings; `acquisition.sources.spider` declares them."""

    @property
    def spider(self) -> str:
        """Name or path of the spider."""

    @property
    def start(self) -> tuple[str, ...]:
        """Declared start URLs."""

    @property
    def arguments(self) -> dict[str, str]:
        """Arguments of the spider."""

    @property
    def delay(self) -> float:
        """Seconds between two requests to one host."""

    @property
    def max_response(self) -> int:
        """Bytes of one response."""

    @property
    def base_url(self) -> str | None:
        """Where the start URLs' hosts are looked for instead."""

    @property
    def limits(self) -> SourceLimitSettings:
        """Ceilings of the source."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of one run; None where there is none. `seconds` is 0 for no limit, as Scrapy has it."""

    pages: int | None = None
    items: int | None = None
    bytes: int | None = None
    depth: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """One crawl: what to run, where to start, who asks, how gently.

    `base` is the folder that a spider's path is relative to, `declared` the URLs that the declaration itself writes (they
    may open loopback, see `acquisition.network`), `digest` names the question asked: two runs with one digest may resume
    each other.
    """

    source: str
    spider: str
    start: tuple[str, ...]
    base_url: str
    arguments: Mapping[str, str]
    base: str
    directory: str
    user_agent: str
    email: str
    delay: float
    max_response: int
    limits: Limits
    digest: str

    @property
    def declared(self) -> tuple[str, ...]:
        """The URLs that the declaration itself writes."""
        return (*self.start, self.base_url) if self.base_url else self.start

    def save(self) -> Path:
        """Write the job into its directory and return the file's path."""
        target = Path(self.directory) / JOB_FILE
        write_json(target, asdict(self))
        return target


def job_of(source: Source, *, directory: Path, base: Path, contact: ContactSettings | None) -> Job:
    """Return the job that a source declares; NoContact when nobody answers for the traffic."""
    if contact is None:
        raise NoContact(
            f"source {source.name} is a crawl, and the declaration names nobody who answers for it",
            where=source.where,
            hint="Add `contact:` with name, url and email; it goes into the user agent of every request.",
        )
    options = cast("SpiderOptions", source.settings)
    limits = options.limits
    return Job(
        source=source.name,
        spider=options.spider,
        start=tuple(mapped(url, options.base_url) for url in options.start),
        base_url=options.base_url or "",
        arguments=dict(options.arguments),
        base=str(base.absolute()),
        directory=str(directory.absolute()),
        user_agent=user_agent(contact),
        email=contact.email,
        delay=options.delay,
        max_response=options.max_response,
        limits=Limits(limits.pages, limits.items, limits.bytes, limits.depth, limits.seconds or 0.0),
        digest=question(source),
    )


def question(source: Source) -> str:
    """Return the digest of what a source asks for: equal digests mean that one run can continue the other."""
    options = cast("SpiderOptions", source.settings)
    asked = {
        "source": source.name,
        "spider": options.spider,
        "start": list(options.start),
        "arguments": dict(options.arguments),
        "base_url": options.base_url,
        "max_response": options.max_response,
        "limits": options.limits.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def load_job(path: Path) -> Job:
    """Read a job back; WorkspaceDamaged when the file is not one."""
    try:
        found = json.loads(path.read_bytes())
        found["limits"] = Limits(**found["limits"])
        found["start"] = tuple(found["start"])
        return Job(**found)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WorkspaceDamaged(f"the crawl's job cannot be read: {error}", where=str(path)) from error


def mapped(url: str, base_url: str | None) -> str:
    """Return the URL with its scheme and host replaced by those of `base_url`; a path of `base_url` goes in front."""
    if not base_url:
        return url
    parts, base = urlsplit(url), urlsplit(base_url)
    path = base.path.rstrip("/") + (parts.path or "/")
    return urlunsplit((base.scheme, base.netloc, path, parts.query, parts.fragment))
