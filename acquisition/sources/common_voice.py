"""Common Voice: from the Mozilla Data Collective, or an archive or folder of it that lies on this machine.

Details are public; the download is asked for only when bytes are missing, because that question is counted and limited. An
id's file can change (hubs.md 4.5), so a release is pinned by id and checksum together. The platform's terms stand beside the
license: no mirroring, and nobody tries to find out who a speaker is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote, urljoin

import orjson
from pydantic import Field, model_validator

from acquisition.errors import (
    AcquisitionError,
    CredentialsRejected,
    NotInLock,
    ProtocolError,
    SourceForbidden,
    SourceNotFound,
    SourceRemoved,
    TermsNeeded,
)
from acquisition.model import Asset, Digest, LicenseClaim, Location, Release, Terms
from acquisition.protocols import ResolveContext, Source, SourceAdapter
from acquisition.settings import ExpandablePath, SourceSettings
from acquisition.sources import credentials
from acquisition.sources.evidence import evidence, size_of, text_of
from acquisition.sources.folder import declared_path, walked
from acquisition.sources.local import file_location
from acquisition.sources.paths import checked_path
from acquisition.sources.signed_urls import moment

SITE: Final = "https://datacollective.mozillafoundation.org"
READER: Final = "common-voice"
BY_DECLARATION: Final = "accept_terms of the declaration"
KEY: Final = "MDC_API_KEY"
CONDITIONS: Final = (
    "Nobody tries to determine the identity of a speaker.",
    "The archive is not re-hosted, mirrored or passed on.",
    "The conditions and the license on the data set's page hold.",
)
_TERM_FIELDS: Final = ("license", "licenseAbbreviation", "restrictions", "forbiddenUsage", "additionalConditions")
_SHA256: Final = re.compile(r"(?:sha-?256[:=])?([0-9a-f]{64})", re.IGNORECASE | re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)


class CommonVoiceSettings(SourceSettings):
    """A Common Voice release: one data set of the Mozilla Data Collective, or what was downloaded from there."""

    kind: Literal["common_voice"] = "common_voice"
    dataset: str | None = Field(default=None, examples=["mcv-scripted-ga-IE-v24.0"])
    """Id or slug of the data set; each release and language is its own."""
    accept_terms: bool = False
    """true: you accept the terms on the data set's page (no re-identification of speakers, no mirroring). It is recorded."""
    path: ExpandablePath | None = Field(default=None, min_length=1)
    """Instead of `dataset`: an archive or an unpacked folder on this machine. `~` and `${NAME}` are expanded."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> CommonVoiceSettings:
        if (self.dataset is None) == (self.path is None):
            raise ValueError("write either `dataset` (id or slug) or `path` (an archive or folder), not both and not neither")
        if self.dataset is not None and not _ID.fullmatch(self.dataset):
            raise ValueError(f"{self.dataset!r} is not an id or slug, such as mcv-scripted-ga-IE-v24.0")
        return self


class CommonVoice(SourceAdapter):
    """Resolves a release of Common Voice to its archive."""

    kind: ClassVar[str] = "common_voice"
    Settings: ClassVar[type[SourceSettings]] = CommonVoiceSettings
    title: ClassVar[str] = "Common Voice, from the Mozilla Data Collective or from an archive or folder on this machine"
    hosts: ClassVar[tuple[str, ...]] = ("datacollective.mozillafoundation.org",)
    mover: ClassVar[Literal["downloader", "crawler"]] = "downloader"

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Ask for the public details, or walk the folder (see `SourceAdapter`)."""
        assert isinstance(source.settings, CommonVoiceSettings)
        if source.settings.path is not None:
            return _local(source, source.settings, context)
        return _Collective(source, context).release()

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:
        """Return the file's place on this machine, or ask the Collective for an address that ends (a counted question)."""
        if asset.local_path:
            return file_location(asset, source)
        return _Collective(source, context).location(release, asset)


class _Collective:
    """One data set's questions, with refusals turned into what they mean at the Data Collective."""

    def __init__(self, source: Source, context: ResolveContext) -> None:
        assert isinstance(source.settings, CommonVoiceSettings)
        self.settings = source.settings
        self._source = source
        self._context = context
        self.dataset = source.settings.dataset or ""
        base = (source.settings.base_url or f"{SITE}/api").rstrip("/")
        self._url, *self._others = (f"{api}/datasets/{quote(self.dataset, safe='')}" for api in _apis(base))
        self.page = f"{SITE}/datasets/{self.dataset}"
        auth, base_url = source.settings.auth, source.settings.base_url
        found = credentials.bearer(auth, (KEY,), context.environment)
        self._credential = credentials.lent(found, auth=auth, base_url=base_url, own="mozillafoundation.org")

    def release(self) -> Release:
        """GET the details: public, so no key is sent."""
        details = self._details()
        self.page = _web(details.get("datasetUrl")) or self.page
        name = checked_path(details.get("filename"), where=self._url)
        if "/" in name:
            raise ProtocolError(f"the file's name {name!r} is a path", where=self._url)
        checksum, at = _sha256(details.get("checksum")), self._context.now()
        identity = text_of(details.get("id")) or self.dataset
        self._demand_terms()
        organization = details.get("organization")
        return Release(
            source=self._source.name,
            kind="common_voice",
            revision=self._kept(f"{identity}@sha256:{checksum}" if checksum else ""),
            assets=(Asset(name, size=size_of(details.get("sizeBytes")), digests=_digests(checksum)),),
            license=_claim(details, self.page, at),
            terms=_terms(details, self.page, self._context),
            title=text_of(details.get("name")) or self.dataset,
            authors=(author,) if isinstance(organization, dict) and (author := text_of(organization.get("name"))) else (),
            homepage=self.page,
            version_label=text_of(details.get("slug")) or self.dataset,
            reader=READER if _is_common_voice(details) else "",
            resolved_at=at,
            notes=tuple(_notes(details, checksum, identity)),
        )

    def location(self, release: Release, asset: Asset) -> Location:
        """POST for a download address; CredentialsMissing names the variable when there is no key."""
        self.page = release.homepage or self.page
        self._demand_terms()
        if not self._credential.header:
            hint = f"Create a key on {SITE} and set it as {self._credential.looked[0]}."
            raise credentials.missing(
                self._credential, what=f"downloading {asset.path} needs a key", where=self.page, hint=hint
            )
        answer = self._asked(lambda url: self._context.api.post_json(f"{url}/download", headers=self._credential.headers))
        url = answer.get("downloadUrl") if isinstance(answer, dict) else None
        if not isinstance(url, str) or not url:
            raise ProtocolError("the Data Collective's answer has no downloadUrl", where=f"{self._url}/download")
        self._demand_same(answer, asset)
        return Location(urljoin(f"{self._url}/download", url), expires_at=moment(answer.get("expiresAt")))

    def _details(self) -> dict[str, Any]:
        details = self._asked(self._context.api.get_json)
        if not isinstance(details, dict):
            raise ProtocolError("the Data Collective's answer is not an object", where=self._url)
        return details

    def _asked(self, ask: Callable[[str], Any]) -> Any:
        """Ask under the declared address, and where that is no API at all (404) under its /api; remember which it was."""
        try:
            return ask(self._url)
        except AcquisitionError as error:
            for url in self._others if error.status == 404 else ():
                with suppress(SourceNotFound):
                    answer = ask(url)
                    self._url, self._others = url, []
                    return answer
            raise self._meant(error) from error

    def _demand_terms(self) -> None:
        if not self.settings.accept_terms:
            raise TermsNeeded(
                f"{self.dataset} has terms that a person must accept: {' '.join(CONDITIONS)}",
                where=self._source.where or self.page,
                hint=f"Read and accept them on {self.page}, then write `accept_terms: true` for this source.",
            )

    def _kept(self, revision: str) -> str:
        """Return the revision when it is the lock's, or when there is no lock to keep."""
        pin = self._context.pin
        if pin is not None and revision and pin.revision != revision:
            raise NotInLock(
                f"the Data Collective now offers {revision} and the lock holds {pin.revision}",
                where=self._source.where,
                hint=f"Run `acquire plan --update {self._source.name}` to see and take the change.",
            )
        return revision

    def _demand_same(self, answer: dict[str, Any], asset: Asset) -> None:
        checksum = _sha256(answer.get("checksum"))
        pinned = next((digest.value for digest in asset.digests if digest.algorithm == "sha256"), "")
        if checksum and pinned and checksum != pinned:
            raise NotInLock(
                f"the file behind {self.dataset} has changed: sha256 {checksum} is offered, {pinned} is pinned",
                where=self.page,
                hint=f"Run `acquire plan --update {self._source.name}` to see and take the change.",
            )

    def _meant(self, error: AcquisitionError) -> AcquisitionError:
        """Return a refusal as what it means here; each keeps the server's own words."""
        name = self.dataset
        if isinstance(error, CredentialsRejected):
            return self._credential.refused(error, hint=f"Create a key on {SITE} and set it as {self._credential.looked[0]}.")
        if error.status == 402:
            meant: AcquisitionError = SourceForbidden(f"{name} has to be paid for: {error.message}", where=self.page)
        elif error.status == 403:
            hint = f"Log in on {self.page}, accept its terms, then run again."
            meant = TermsNeeded(f"the Data Collective keeps {name} back: {error.message}", where=self.page, hint=hint)
        elif error.status == 404:
            hint = "Check the id or slug; each release and language has its own."
            meant = SourceNotFound(f"the Data Collective knows no {name}: {error.message}", where=self.page, hint=hint)
        elif error.status == 410:
            meant = SourceRemoved(f"the Data Collective has removed {name}: {error.message}", where=self.page)
        else:
            return error
        return credentials.with_answer(meant, error)


def _apis(base: str) -> list[str]:
    return [base] if base.endswith("/api") else [base, f"{base}/api"]


def _sha256(value: object) -> str:
    """Return a checksum as 64 lower-case digits, with or without its prefix; "" when there is none that can be checked."""
    match = _SHA256.fullmatch(text_of(value))
    return match[1].lower() if match else ""


def _digests(checksum: str) -> tuple[Digest, ...]:
    return (Digest("sha256", checksum),) if checksum else ()


def _web(value: object) -> str:
    text = text_of(value)
    return text if re.fullmatch(r"https?://[^\s]+", text) else ""


def _is_common_voice(details: dict[str, Any]) -> bool:
    """Say whether the archive has Common Voice's layout: the Collective hosts other people's data sets too."""
    names = " ".join(text_of(details.get(key)) for key in ("slug", "name", "filename")).lower()
    return re.search(r"common.?voice|\bmcv\b|\bcv-corpus|\bsps-corpus|\bspontaneous", names) is not None


def _claim(details: dict[str, Any], page: str, at: str) -> LicenseClaim:
    """Return the abbreviation and, where it says more, the full name; the platform's terms forbid passing it on."""
    short, full = text_of(details.get("licenseAbbreviation")), text_of(details.get("license"))
    raw = (short or full,) if short or full else ()
    looked = tuple(
        evidence(key, details[key], url=page, at=at) for key in ("licenseAbbreviation", "license") if details.get(key)
    )
    level: Literal["dataset", "none"] = "dataset" if raw else "none"
    return LicenseClaim(raw, "mdc", level, name=full if short else "", evidence=looked, redistribute=False)


def _terms(details: dict[str, Any], page: str, context: ResolveContext) -> Terms:
    """Return what was accepted: our summary and the fields of the data set that speak of conditions."""
    fields = [f"{key}: {_plain(details[key])}" for key in _TERM_FIELDS if details.get(key)]
    text = "\n".join([*CONDITIONS, *fields])
    digest = hashlib.sha256(text.encode()).hexdigest()
    before = context.pin.terms if context.pin is not None else None
    same = before is not None and before.sha256 == digest and before.accepted
    at = before.accepted_at if same and before else context.now()
    return Terms(page, text, digest, accepted=True, accepted_at=at, accepted_by=BY_DECLARATION)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _notes(details: dict[str, Any], checksum: str, identity: str) -> list[str]:
    notes = ["the platform's terms forbid mirroring: the set cannot be redistributed, whatever the license allows"]
    short, full = text_of(details.get("licenseAbbreviation")), text_of(details.get("license"))
    if short and full and short.lower() not in full.lower():
        notes.append(f"the Data Collective words the license twice: {short!r} and {full!r}")
    if not checksum:
        notes.append(f"the Data Collective gives no sha256 for {identity}; only the bytes pin it")
    pricing = details.get("pricing")
    if isinstance(pricing, dict) and pricing.get("isPaid") is True:
        notes.append("it has to be paid for on the platform before it can be downloaded")
    return notes


def _local(source: Source, settings: CommonVoiceSettings, context: ResolveContext) -> Release:
    """Return an archive or a folder on this machine: Common Voice publishes under CC0-1.0, its platform forbids mirroring."""
    root = declared_path(settings.path or "", context)
    walk = walked(root)
    if not walk.assets:
        raise SourceNotFound(f"there are no files in {root}", where=source.where)
    at, page = context.now(), "https://commonvoice.mozilla.org"
    policy = evidence("publisher's policy", "Common Voice publishes its recordings under CC0-1.0", url=page, at=at)
    text = "\n".join(CONDITIONS)
    digest, accepted = hashlib.sha256(text.encode()).hexdigest(), settings.accept_terms
    terms = Terms(page, text, digest, accepted, at if accepted else "", BY_DECLARATION if accepted else "")
    return Release(
        source=source.name,
        kind="common_voice",
        revision="",
        assets=tuple(walk.assets),
        license=LicenseClaim(("CC0-1.0",), "mdc", "policy", evidence=(policy,), redistribute=False),
        terms=terms,
        title=settings.attribution.title or f"Common Voice ({root.name})",
        authors=("Mozilla Common Voice",),
        homepage=page,
        reader=READER,
        resolved_at=at,
        notes=(*walk.notes(), "the license is the publisher's policy: a folder on this machine declares none by itself"),
    )
