"""Kaggle data sets. kagglesdk knows the methods and their messages; our client carries them; nothing imports `kaggle`.

`import kaggle` prints, writes a folder and talks to the network; kagglesdk does none of that, but its HTTP client has no
time-outs, knows its hosts only as an enumeration and reads credentials from the process. Its generated service classes need
just an object with `call`, so they get `_Calls` (docs/decisions/0004-adapters.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urljoin, urlsplit

import orjson
from pydantic import Field, field_validator

from acquisition.api import accepted, refusal_of
from acquisition.errors import (
    AcquisitionError,
    CredentialsRejected,
    NotInLock,
    ProtocolError,
    SourceForbidden,
    SourceNotFound,
    TermsNeeded,
)
from acquisition.model import Asset, Location, Release
from acquisition.protocols import Answer, ResolveContext, Source, SourceAdapter
from acquisition.settings import SourceSettings
from acquisition.sources import credentials
from acquisition.sources.evidence import size_of, text_of, texts_of
from acquisition.sources.kaggle_license import claim_of
from acquisition.sources.paths import checked_path
from acquisition.sources.signed_urls import expiry_of

MANY_FILES: Final = 500
"""Above this many wanted files one zip is asked for instead of each file: every file costs a POST and a signed URL."""
_PAGE: Final = 200
_DOWNLOAD: Final = "DownloadDataset"
_MOST_PAGES: Final = 5_000
_HANDLE: Final = re.compile(
    r"(?:https?://(?:www\.)?kaggle\.com/(?:datasets/)?)?"
    r"(?P<owner>[A-Za-z0-9][A-Za-z0-9._-]*)/(?P<slug>[A-Za-z0-9][A-Za-z0-9._-]*)(?:/(?:versions/)?(?P<version>[0-9]+))?/?",
    re.ASCII,
)
_TERMS: Final = re.compile(r"\b(?:terms|rules|consent|accept|agree)", re.IGNORECASE)
_UNUSED: Final = frozenset({"creationDate", "lastUpdated"})
"""Fields that nothing here reads and that kagglesdk cannot read in every spelling of a date."""
_PRIVATE: Final = re.compile(r"\b(?:permission|private|forbidden to)\b", re.IGNORECASE)


class KaggleSettings(SourceSettings):
    """A data set on Kaggle. Public ones need no credential."""

    kind: Literal["kaggle"] = "kaggle"
    dataset: str = Field(examples=["owner/name"])
    """owner/name, as in the page's address; owner/name/versions/3 and the address itself are understood too."""
    version: int | None = Field(default=None, ge=1)
    """The version's number. Left out: the newest when first planned, which sources.lock then keeps."""
    whole: bool | None = None
    """true: one zip of everything; false: file by file. Left out: file by file up to 500 files."""

    @field_validator("dataset")
    @classmethod
    def _is_a_handle(cls, dataset: str) -> str:
        if not _HANDLE.fullmatch(dataset.split("?")[0]):
            raise ValueError(f"{dataset!r} is not a Kaggle data set; write owner/name, as in kaggle.com/datasets/owner/name")
        return dataset

    @property
    def handle(self) -> tuple[str, str]:
        """Owner and name."""
        match = self._match()
        return match["owner"], match["slug"]

    @property
    def asked_version(self) -> int | None:
        """The version that is asked for, under `version` or inside `dataset`."""
        inside = self._match()["version"]
        return self.version or (int(inside) if inside else None)

    def _match(self) -> re.Match[str]:
        match = _HANDLE.fullmatch(self.dataset.split("?")[0])
        assert match is not None  # the validator let it in
        return match


class Kaggle(SourceAdapter):
    """Resolves a Kaggle data set to one of its numbered versions."""

    kind: ClassVar[str] = "kaggle"
    Settings: ClassVar[type[SourceSettings]] = KaggleSettings
    title: ClassVar[str] = "a data set on Kaggle, pinned to its version number"
    hosts: ClassVar[tuple[str, ...]] = ("api.kaggle.com", "storage.googleapis.com")
    mover: ClassVar[Literal["downloader", "crawler"]] = "downloader"

    def __init__(self) -> None:
        self._prefixes: dict[str, str] = {}

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Ask for the data set, its metadata and its file list, and return the pinned version (see `SourceAdapter`)."""
        dataset = _Dataset(source, context, self._prefixes)
        info = dataset.info()
        version = _version(dataset.settings, info, context, source)
        claim, notes = claim_of(info, dataset.metadata(), dataset.page, context)
        current = size_of(info.current_version_number)
        if claim.raw and current and current != version:
            notes.append(f"the license is the current version's ({current}): Kaggle keeps none for version {version}")
        assets = tuple(_assets(dataset, version))
        return Release(
            source=source.name,
            kind=self.kind,
            revision=str(version),
            assets=assets,
            license=claim,
            title=text_of(info.title),
            authors=tuple(dict.fromkeys(texts_of([info.creator_name, info.owner_name]))),
            homepage=dataset.page,
            version_label=f"version {version}",
            resolved_at=context.now(),
            notes=tuple(notes),
        )

    def fixed(self, source: Source) -> bool:
        """Say whether a version's number is declared."""
        assert isinstance(source.settings, KaggleSettings)
        return source.settings.asked_version is not None

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:
        """Ask Kaggle for a signed storage URL of one file (or of the whole zip) of the pinned version."""
        dataset = _Dataset(source, context, self._prefixes)
        url = dataset.download_url(int(release.revision), None if asset.packed == "" else asset.path)
        return Location(url, expires_at=expiry_of(url))


class _Calls:
    """Stands where kagglesdk's services expect their HTTP client: same methods and messages, our transport.

    Production serves the API under /v1/, every other environment under /api/v1/ (kagglesdk 0.1.37, kaggle_http_client).
    A `base_url` is asked under /api/v1/ first, and under /v1/ when that path turns out not to be an API at all.
    """

    def __init__(self, base: str, context: ResolveContext, credential: credentials.Credential, known: dict[str, str]) -> None:
        self._base = base.rstrip("/")
        self._context = context
        self._credential = credential
        self._known = known

    def call(self, service_name: str, request_name: str, request: Any, response_type: Any) -> Any:
        """Make one call; the signature is kagglesdk's. The redirect that answers a download comes back as its target."""
        answer = self._asked(f"{service_name}/{request_name}", orjson.dumps(request.to_dict()))
        if request_name == _DOWNLOAD and 300 <= answer.status < 400 and answer.headers.get("location"):
            return urljoin(answer.url, answer.headers["location"])
        accepted(answer, self._credential.headers)
        try:
            value = orjson.loads(answer.body)
            if isinstance(value, dict) and isinstance(code := value.get("code"), int) and code >= 400:
                raise refusal_of(Answer(code, answer.headers, answer.body, answer.url), self._credential.headers)
            return response_type.from_dict(_readable(value))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ProtocolError(f"Kaggle's answer to {request_name} cannot be read: {error!r}", where=answer.url) from error

    def _asked(self, method: str, body: bytes) -> Answer:
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._credential.headers}
        prefixes = [self._known[self._base]] if self._base in self._known else _prefixes(self._base)
        missing = []
        for prefix in prefixes:
            answer = self._context.api.exchange("POST", f"{self._base}{prefix}/{method}", headers=headers, body=body)
            if answer.status != 404 or "code" in _fields(answer):
                self._known[self._base] = prefix
                return answer
            missing.append(answer)
        return next((answer for answer in missing if "message" in _fields(answer)), missing[0])


def _prefixes(base: str) -> list[str]:
    if urlsplit(base).hostname == "api.kaggle.com" or base.endswith("/api"):
        return ["/v1"]
    return [""] if base.endswith("/v1") else ["/api/v1", "/v1"]


def _fields(answer: Answer) -> dict[str, Any]:
    """Return a JSON object's fields, none for any other body: the API's own 404 has a `code`, a foreign server's has not."""
    try:
        value = orjson.loads(answer.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _readable(value: Any) -> Any:
    """Return JSON without nulls and unused dates: kagglesdk takes an absent field for its default and trips over these."""
    if isinstance(value, dict):
        return {key: _readable(entry) for key, entry in value.items() if entry is not None and key not in _UNUSED}
    return [_readable(entry) for entry in value if entry is not None] if isinstance(value, list) else value


class _Dataset:
    """One data set's questions, with refusals turned into what they mean on Kaggle."""

    def __init__(self, source: Source, context: ResolveContext, known: dict[str, str]) -> None:
        from kagglesdk.datasets.services.dataset_api_service import DatasetApiClient

        assert isinstance(source.settings, KaggleSettings)
        self.settings = source.settings
        self.owner, self.slug = self.settings.handle
        self.page = f"https://www.kaggle.com/datasets/{self.owner}/{self.slug}"
        found = credentials.kaggle(self.settings.auth, context.environment)
        self._credential = credentials.lent(found, auth=self.settings.auth, base_url=self.settings.base_url, own="kaggle.com")
        base = self.settings.base_url or "https://api.kaggle.com"
        self._service = DatasetApiClient(_Calls(base, context, self._credential, known))

    def info(self) -> Any:
        """GetDataset."""
        from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest

        return self._asked(self._service.get_dataset, ApiGetDatasetRequest())

    def metadata(self) -> Any | None:
        """GetDatasetMetadata (always the current version's); None when Kaggle has none."""
        from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetMetadataRequest

        try:
            answer = self._asked(self._service.get_dataset_metadata, ApiGetDatasetMetadataRequest())
        except SourceNotFound:
            return None
        _demand_no_message(answer, self.page)
        return answer.info

    def files(self, version: int) -> Iterator[Any]:
        """ListDatasetFiles, all pages of them."""
        from kagglesdk.datasets.types.dataset_api_service import ApiListDatasetFilesRequest

        token, seen = "", set[str]()
        for _ in range(_MOST_PAGES):
            request = ApiListDatasetFilesRequest()
            request.dataset_version_number, request.page_size, request.page_token = version, _PAGE, token
            answer = self._asked(self._service.list_dataset_files, request)
            _demand_no_message(answer, self.page)
            yield from answer.dataset_files or ()
            token = text_of(answer.next_page_token)
            if not token:
                return
            if token in seen:
                break
            seen.add(token)
        raise ProtocolError("Kaggle's file list does not end: a page names one that was there already", where=self.page)

    def download_url(self, version: int, name: str | None) -> str:
        """DownloadDataset: the target of its redirect."""
        from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

        request = ApiDownloadDatasetRequest()
        request.dataset_version_number, request.file_name = version, name
        url = self._asked(self._service.download_dataset, request)
        if not isinstance(url, str):
            raise ProtocolError("Kaggle answers a download with data instead of a redirect", where=self.page)
        return url

    def _asked(self, method: Callable[[Any], Any], request: Any) -> Any:
        request.owner_slug, request.dataset_slug = self.owner, self.slug
        try:
            return method(request)
        except (CredentialsRejected, SourceForbidden, SourceNotFound) as error:
            raise self._meant(error) from error

    def _meant(self, error: AcquisitionError) -> AcquisitionError:
        """Return a 401, 403 or 404 as what it means here; each keeps Kaggle's own words."""
        name, looked = f"{self.owner}/{self.slug}", ", ".join(self._credential.looked)
        if isinstance(error, CredentialsRejected):
            return self._credential.refused(error, hint="Create a token at https://www.kaggle.com/settings/api and set it.")
        if isinstance(error, SourceNotFound):
            hint = "Check owner and name; a private data set looks the same as a missing one without the owner's token."
            meant: AcquisitionError = SourceNotFound(f"Kaggle knows no {name}: {error.message}", where=self.page, hint=hint)
        elif error.status == 403 and (_TERMS.search(error.said) or not _PRIVATE.search(error.said)):
            log_in = "" if self._credential.header else f" and set a token (no credential found; looked at {looked})"
            hint = f"Open {self.page}, log in, accept its terms{log_in}, then run again."
            meant = TermsNeeded(f"Kaggle keeps {name} back: {error.message}", where=self.page, hint=hint)
        else:
            hint = f"Ask its owner for access. Credential: {self._credential.found or f'none found; looked at {looked}'}."
            meant = SourceForbidden(f"Kaggle forbids {name}: {error.message}", where=self.page, hint=hint)
        return credentials.with_answer(meant, error)


def _demand_no_message(answer: Any, where: str) -> None:
    if message := text_of(answer.error_message):
        raise ProtocolError(f"Kaggle answers: {message}", where=where)


def _version(settings: KaggleSettings, info: Any, context: ResolveContext, source: Source) -> int:
    """Return the version to take: the lock's, the declared one, or the current one."""
    asked = settings.asked_version
    if context.pin is not None:
        if asked is not None and str(asked) != context.pin.revision:
            raise NotInLock(
                f"version {asked} is declared and the lock holds version {context.pin.revision}",
                where=source.where,
                hint=f"Run `acquire plan --update {source.name}` to see and take the change.",
            )
        asked = int(context.pin.revision)
    published = [number for entry in info.versions or () if (number := size_of(entry.version_number))]
    current = size_of(info.current_version_number)
    version = asked or current or max(published, default=0)
    if version < 1:
        raise ProtocolError("Kaggle names no version of this data set", where=source.where)
    if published and version not in published and version != current:
        numbers = ", ".join(map(str, sorted(published)[-20:]))
        raise SourceNotFound(f"there is no version {version}; there are: {numbers}", where=source.where)
    return version


def _assets(dataset: _Dataset, version: int) -> Iterator[Asset]:
    """Yield each file, or one zip of all when more than `MANY_FILES` are wanted (or `whole` says so)."""
    files = [(checked_path(file.name, where=dataset.page), size_of(file.total_bytes)) for file in dataset.files(version)]
    paths = {path for path, _ in files}
    if len(paths) < len(files):
        raise ProtocolError("Kaggle lists a file twice", where=dataset.page)
    wanted = sum(dataset.settings.files.takes(path) for path in paths)
    whole = dataset.settings.whole
    if whole or (whole is None and wanted > MANY_FILES):
        yield Asset(f"{dataset.slug}.zip", media_type="application/zip")
        return
    for path, size in files:
        yield Asset(path, size=size, packed="zip-of-one")
