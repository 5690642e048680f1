"""What one crawl is told to do, as a value that can be written beside what it brings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from acquisition.errors import NoContact, WorkspaceDamaged
from acquisition.network import user_agent
from acquisition.workspace import write_json

if TYPE_CHECKING:  # they load pydantic and pyarrow; a list's scribe has no use for either
    from acquisition.protocols import Source
    from acquisition.settings import ContactSettings, CrawlSettings, SourceSettings

JOB_FILE: Final = "job.json"
_NOT_ASKED: Final = (
    *("delay", "latency_factor", "concurrency", "frontier"),
    *("files", "items", "read", "license", "attribution", "why", "auth"),
)


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

    `spider` is "" where a list of addresses is visited without one. `base` is the folder that a spider's path is relative to,
    `crawl` what `CrawlSettings` say (JSON), `options` the source's whole settings (JSON), `signals` the treatment of each
    mechanism that is not honoured. `earlier` are the directories of runs before, oldest first; with `replay` the last of them
    answers and nothing is sent. `digest` names the question asked: two runs with one digest may resume each other.
    """

    source: str
    kind: str
    spider: str
    start: tuple[str, ...]
    base_url: str
    arguments: Mapping[str, str]
    base: str
    directory: str
    user_agent: str
    email: str
    crawl: Mapping[str, Any]
    options: Mapping[str, Any]
    signals: Mapping[str, str]
    limits: Limits
    digest: str
    earlier: tuple[str, ...] = ()
    replay: bool = False

    @property
    def settings(self) -> CrawlSettings:
        """How gently, as the declaration has it."""
        from acquisition.settings import CrawlSettings

        return CrawlSettings.model_validate_json(json.dumps({"kind": self.kind, **self.crawl}))

    @property
    def max_response(self) -> int:
        """The longest answer that is taken, in bytes."""
        return int(self.crawl["max_response"]) if "max_response" in self.crawl else self.settings.max_response

    @property
    def declared(self) -> tuple[str, ...]:
        """The URLs that the declaration itself writes."""
        given = (self.options.get(name) for name in ("sitemaps", "feeds"))
        listed = [str(url) for urls in given if isinstance(urls, (list, tuple)) for url in urls]
        return (*self.start, *((self.base_url,) if self.base_url else ()), *listed, *self.own)

    @property
    def own(self) -> tuple[str, ...]:
        """Addresses of one's own that pages or lists may lead to, as URLs."""
        return tuple(host if "://" in host else f"http://{host}/" for host in self.crawl.get("own_hosts", ()))

    def save(self) -> Path:
        """Write the job into its directory and return the file's path."""
        target = Path(self.directory) / JOB_FILE
        write_json(target, asdict(self))
        return target


def job_of(
    source: Source,
    *,
    directory: Path,
    base: Path,
    contact: ContactSettings | None,
    signals: Mapping[str, str] | None = None,
    earlier: Sequence[Path] = (),
    replay: bool = False,
) -> Job:
    """Return the job that a source declares; NoContact when nobody answers for the traffic."""
    from acquisition.settings import CrawlSettings

    if contact is None:
        raise NoContact(
            f"source {source.name} is a crawl, and the declaration names nobody who answers for it",
            where=source.where,
            hint="Add `contact:` with name, url and email; it goes into the user agent of every request.",
        )
    settings = source.settings
    limits = settings.limits
    stand_in = settings.stand_in if isinstance(settings, CrawlSettings) else settings.base_url
    return Job(
        source=source.name,
        kind=settings.kind,
        spider=spider_of(settings),
        start=tuple(mapped(url, stand_in) for url in start_of(settings)),
        base_url=stand_in or "",
        arguments=dict(getattr(settings, "arguments", None) or {}),
        base=str(base.absolute()),
        directory=str(directory.absolute()),
        user_agent=user_agent(contact),
        email=contact.email,
        crawl=_crawl_settings(settings),
        options=settings.model_dump(mode="json", by_alias=True, exclude={"frontier", "auth"}),
        signals=dict(signals or {}),
        limits=Limits(limits.pages, limits.items, limits.bytes, limits.depth, limits.seconds or 0.0),
        digest=question(source),
        earlier=tuple(str(path.absolute()) for path in earlier),
        replay=replay,
    )


def spider_of(settings: SourceSettings) -> str:
    """Return the spider that a source names, "" where it has none."""
    return str(getattr(settings, "spider", "") or "")


def start_of(settings: SourceSettings) -> tuple[str, ...]:
    """Return the start URLs that a source declares."""
    return tuple(getattr(settings, "start", None) or ())


def _crawl_settings(settings: SourceSettings) -> dict[str, Any]:
    from acquisition.settings import CrawlSettings, SourceSettings

    own = set(CrawlSettings.model_fields) - set(SourceSettings.model_fields) - {"frontier"}
    return settings.model_dump(mode="json", include=own)


def question(source: Source) -> str:
    """Return the digest of what a source asks for: equal digests mean that one run can continue the other.

    Who asks how gently does not count, nor what is done with what was found. What is not declared does not either, so that a
    run can be resumed by a newer release that knows more settings.
    """
    asked = source.settings.model_dump(mode="json", by_alias=True, exclude=set(_NOT_ASKED), exclude_defaults=True)
    return hashlib.sha256(json.dumps({"source": source.name, **asked}, sort_keys=True).encode()).hexdigest()


def load_job(path: Path) -> Job:
    """Read a job back; WorkspaceDamaged when the file is not one."""
    try:
        found = json.loads(path.read_bytes())
        found["limits"] = Limits(**found["limits"])
        found["start"], found["earlier"] = tuple(found["start"]), tuple(found["earlier"])
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
