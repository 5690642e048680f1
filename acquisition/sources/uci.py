"""The UCI Machine Learning Repository: JSON for identity, the donated zip for bytes (the cleaned CSV where there is none).

The repository publishes neither versions, sizes nor digests; the bytes pin a release once they have come. Its metadata has
no license field either: what it hosts is CC BY 4.0 by its own policy, which is a weaker fact than a declaration, and what
it only links is somebody else's. Addresses and the shape of the answer are kept in two places below, because a rewrite of
the site with another API is under way (hubs.md 3.2).
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote, unquote, urlsplit

from pydantic import Field, model_validator

from acquisition.errors import ProtocolError, SourceForbidden, SourceNotFound
from acquisition.model import NO_CLAIM, Asset, LicenseClaim, Location, Release
from acquisition.protocols import ResolveContext, Source, SourceAdapter
from acquisition.settings import SourceSettings
from acquisition.sources.credentials import with_answer
from acquisition.sources.evidence import evidence, size_of, text_of, texts_of

SITE: Final = "https://archive.ics.uci.edu"
POLICY: Final = "data sets that the repository hosts are published under CC BY 4.0"
_SLUG: Final = re.compile(r"[A-Za-z0-9][\w.+,()'&-]{0,200}", re.ASCII)


class UciSettings(SourceSettings):
    """A data set of the UCI Machine Learning Repository, by number or by name. No credential is needed."""

    kind: Literal["uci"] = "uci"
    id: int | None = Field(default=None, ge=1)
    """The number in the page's address: archive.ics.uci.edu/dataset/53/iris has 53."""
    name: str | None = Field(default=None, min_length=1, max_length=300)
    """The name as the repository writes it, instead of the number."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> UciSettings:
        if (self.id is None) == (self.name is None):
            raise ValueError("write either `id` (the number in the page's address) or `name`, not both and not neither")
        return self


class Uci(SourceAdapter):
    """Resolves a data set of the repository to its zip; the bytes pin it."""

    kind: ClassVar[str] = "uci"
    Settings: ClassVar[type[SourceSettings]] = UciSettings
    title: ClassVar[str] = "a data set of the UCI Machine Learning Repository, pinned by its bytes"
    hosts: ClassVar[tuple[str, ...]] = ("archive.ics.uci.edu",)
    mover: ClassVar[Literal["downloader", "crawler"]] = "downloader"

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Ask for the metadata and whether the zip is there (see `SourceAdapter`)."""
        settings = source.settings
        assert isinstance(settings, UciSettings)
        site = _site(settings)
        facts = _Facts(_metadata(site, settings, context), settings)
        assets, notes = _assets(site, facts, context)
        claim = _claim(facts, context)
        if claim.level == "policy":
            notes.append("the license is the repository's policy; this data set declares none of its own by machine")
        if facts.external:
            notes.append(f"the repository names another home for it ({facts.external}); its license is not known from here")
        return Release(
            source=source.name,
            kind=self.kind,
            revision="",
            assets=assets,
            license=claim,
            title=facts.name,
            authors=facts.authors,
            homepage=facts.page,
            citation=facts.citation,
            doi=facts.doi,
            version_label=f"as of {facts.updated}" if facts.updated else "",
            resolved_at=context.now(),
            notes=tuple(notes),
            items=facts.instances,
        )

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:  # noqa: ARG002  # contract
        """Return the asset's address at the site that is asked now: the lock holds the repository's own, whoever mirrors it."""
        return Location(_at(_site(source.settings), asset.url))


# --- addresses ----------------------------------------------------------------------------------------------------------


def _site(settings: SourceSettings) -> str:
    """Return what stands before /api and /static; a `base_url` may be written with the /api that others end with."""
    return (settings.base_url or SITE).rstrip("/").removesuffix("/api")


def _metadata(site: str, settings: UciSettings, context: ResolveContext) -> dict[str, Any]:
    params = {"id": str(settings.id)} if settings.id is not None else {"name": settings.name or ""}
    where = f"{site}/api/dataset"
    wanted = f"data set {settings.id}" if settings.id is not None else f"data set named {settings.name!r}"
    hint = f"Look it up at {SITE}/datasets."
    try:
        answer = context.api.get_json(where, params=params)
    except SourceNotFound as error:
        missing = SourceNotFound(f"the repository knows no {wanted}: {error.message}", where=where, hint=hint)
        raise with_answer(missing, error) from error
    if not isinstance(answer, dict):
        raise ProtocolError("the repository's answer is not an object", where=where)
    data = answer.get("data")
    if answer.get("status", 200) not in {200, "200"} or answer.get("ok") is False or not data:
        said = text_of(answer.get("message")) or text_of(answer.get("statusText")) or "no reason given"
        raise SourceNotFound(f"the repository knows no {wanted}: {said}", where=where, hint=hint)
    if not isinstance(data, dict):
        raise ProtocolError("the repository's `data` is not an object", where=where)
    return data


def _zip_url(facts: _Facts) -> str:
    return f"{SITE}/static/public/{facts.number}/{quote(facts.slug, safe='+()!,')}.zip"


def _own_url(site: str, url: str) -> str:
    """Return an address that the metadata names as the repository's own one, when it lies on the site that was asked."""
    parts = urlsplit(url)
    if not parts.netloc or parts.netloc == urlsplit(site).netloc:
        return f"{SITE}/{parts.path.lstrip('/')}"
    return url


def _at(site: str, url: str) -> str:
    """Return the repository's own address at the site that is asked: a mirror or a stand-in serves the same paths."""
    return site + url.removeprefix(SITE) if url.startswith(f"{SITE}/") else url


def _assets(site: str, facts: _Facts, context: ResolveContext) -> tuple[tuple[Asset, ...], list[str]]:
    """Return the zip, or the cleaned CSV where the server has no zip; SourceForbidden where it only links the data."""
    url = _zip_url(facts)
    if context.api.exchange("HEAD", _at(site, url)).status not in {404, 410}:
        return (Asset(f"{facts.slug}.zip", url, media_type="application/zip"),), []
    if facts.csv:
        note = "the repository has no zip of it; this is its cleaned table, data.csv"
        return (Asset("data.csv", _own_url(site, facts.csv), media_type="text/csv"),), [note]
    if facts.external:
        raise SourceForbidden(
            f"the repository only links {facts.name!r}; its files are at {facts.external}",
            where=facts.page,
            hint="Declare that place as a source of its own (kind: http, huggingface, kaggle…), with its own license.",
        )
    raise SourceNotFound(f"the repository has no files of {facts.name!r}", where=facts.page)


# --- the shape of the answer --------------------------------------------------------------------------------------------


class _Facts:
    """What the metadata says, in today's field names or in those of the rewrite."""

    def __init__(self, data: dict[str, Any], settings: UciSettings) -> None:
        given = data.get("uci_id", data.get("id", settings.id))
        number = size_of(given)
        if number is None:
            raise ProtocolError(f"the repository gives {given!r} where a data set's number was promised")
        if settings.id is not None and number != settings.id:
            raise ProtocolError(f"the repository answers for data set {number} when asked for {settings.id}")
        self.number = number
        self.name = text_of(data.get("name")) or text_of(data.get("title")) or f"data set {number}"
        self.page = text_of(data.get("repository_url")) or f"{SITE}/dataset/{number}"
        self.slug = _slug(data, self.name)
        self.csv = text_of(data.get("data_url"))
        self.external = text_of(data.get("external_url")) or text_of(data.get("externalLink"))
        self.license = text_of(data.get("license"))
        self.doi = _doi(text_of(data.get("dataset_doi")) or text_of(data.get("doi")))
        self.authors = _names(data.get("creators") or data.get("authors") or [])
        self.year = str(data.get("year_of_dataset_creation") or data.get("yearCreated") or "")[:10]
        self.updated = text_of(data.get("last_updated"))
        self.instances = size_of(data.get("num_instances"))
        more = data.get("additional_info")
        self.citation = text_of(more.get("citation")) if isinstance(more, dict) else ""
        self.citation = self.citation or self._composed()

    def _composed(self) -> str:
        """Return the citation that the repository prints on its pages, made from the fields."""
        who = ", ".join(self.authors) or "Unknown"
        when = f" ({self.year})" if self.year else ""
        link = f" https://doi.org/{self.doi}." if self.doi else ""
        return f"{who}{when}. {self.name} [Dataset]. UCI Machine Learning Repository.{link}"


def _names(people: Any) -> tuple[str, ...]:
    """Return names that are given as texts, or as objects with a name."""
    entries = people if isinstance(people, list) else [people]
    return texts_of([entry.get("name") if isinstance(entry, dict) else entry for entry in entries])


def _slug(data: dict[str, Any], name: str) -> str:
    """Return the name that the zip carries: the last part of the page's address (plus signs kept), else the name's."""
    last = unquote(urlsplit(text_of(data.get("repository_url"))).path.rstrip("/").rpartition("/")[2])
    for candidate in (last, "+".join(re.sub(r"[^\w\s().,-]", "", name.lower(), flags=re.ASCII).split())):
        if _SLUG.fullmatch(candidate) and ".." not in candidate and not candidate.isdigit():
            return candidate
    raise ProtocolError(f"no file name can be made from {name[:100]!r}")


def _doi(text: str) -> str:
    return re.sub(r"^(?:https?://(?:dx\.)?doi\.org/|doi:)", "", text, flags=re.IGNORECASE)


def _claim(facts: _Facts, context: ResolveContext) -> LicenseClaim:
    """Return the license field if there ever is one, nothing for data that lies elsewhere, the repository's policy else."""
    at = context.now()
    if facts.license:
        return LicenseClaim((facts.license,), "uci", evidence=(evidence("license", facts.license, url=facts.page, at=at),))
    if facts.external:
        return NO_CLAIM
    return LicenseClaim(
        ("CC-BY-4.0",), "uci", "policy", evidence=(evidence("repository policy", POLICY, url=facts.page, at=at),)
    )
