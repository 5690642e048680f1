"""Files by their direct addresses, with the digests that a page or a README gives for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from acquisition.errors import ProtocolError
from acquisition.model import Asset, Digest, Location, Release
from acquisition.network import origin
from acquisition.protocols import ResolveContext, Source, SourceAdapter
from acquisition.settings import ByteCount, Settings, SourceSettings
from acquisition.sources import credentials
from acquisition.sources.paths import checked_path, paths_of_urls

_ALGORITHMS: Final[tuple[Literal["sha256", "sha512", "sha1", "md5"], ...]] = ("sha256", "sha512", "sha1", "md5")

Url = Annotated[
    str, Field(pattern=r"^https?://[^\s/?#@]+(?:[/?#]\S*)?$", max_length=8_000, examples=["https://example.org/data.csv"])
]
Hex32 = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{32}$")]
Hex40 = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{40}$")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}$")]
Hex128 = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{128}$")]


class HttpFileSettings(Settings):
    """One file, with what is known about it beforehand."""

    url: Url
    sha256: Hex64 | None = None
    sha512: Hex128 | None = None
    sha1: Hex40 | None = None
    md5: Hex32 | None = None
    size: ByteCount | None = None
    path: str | None = Field(default=None, min_length=1, max_length=1_000)
    """Its path inside the source. Left out: the file's name in the address."""

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str | None) -> str | None:
        if path is not None:
            try:
                checked_path(path, where="")
            except ProtocolError as error:
                raise ValueError(f"{path!r} is not a relative path with forward slashes") from error
        return path


class HttpSettings(SourceSettings):
    """Files by their direct addresses."""

    kind: Literal["http"] = "http"
    url: Url | None = None
    """One address."""
    urls: tuple[Url | HttpFileSettings, ...] = ()
    """Several; each an address, or an object with url and, if known, sha256, sha512, sha1, md5, size and path."""

    @property
    def files_declared(self) -> tuple[HttpFileSettings, ...]:
        """Every file, in the declared order."""
        entries = (*([self.url] if self.url else []), *self.urls)
        return tuple(HttpFileSettings(url=entry) if isinstance(entry, str) else entry for entry in entries)

    @model_validator(mode="after")
    def _files_are_sensible(self) -> HttpSettings:
        urls = [entry.url for entry in self.files_declared]
        if not urls:
            raise ValueError("write `url` (one address) or `urls` (several)")
        if twice := _repeated(urls):
            raise ValueError(f"declared twice: {', '.join(twice)}")
        if self.auth is not None and len({origin(url) for url in urls}) > 1:
            raise ValueError("`auth` is sent to one host only; declare the files of each host as a source of their own")
        paths = [entry.path for entry in self.files_declared if entry.path]
        if twice := _repeated(paths):
            raise ValueError(f"two files have the path {twice[0]!r}")
        return self


def _repeated(texts: Sequence[str]) -> list[str]:
    return sorted(text for text, count in Counter(texts).items() if count > 1)


class Http(SourceAdapter):
    """Resolves addresses to themselves; the declared digests, or else the bytes that come, pin them."""

    kind: ClassVar[str] = "http"
    Settings: ClassVar[type[SourceSettings]] = HttpSettings
    title: ClassVar[str] = "files by their addresses, with digests where they are known"
    hosts: ClassVar[tuple[str, ...]] = ()
    mover: ClassVar[Literal["downloader", "crawler"]] = "downloader"

    def resolve(self, source: Source, context: ResolveContext) -> Release:
        """Return the declared files; nothing is asked (see `SourceAdapter`)."""
        assert isinstance(source.settings, HttpSettings)
        files = source.settings.files_declared
        plain = [file.url for file in files if file.url.startswith("http://") and not _digests(file)]
        notes = [f"{len(plain)} of {len(files)} files come over plain http without a digest: they cannot be verified"]
        return Release(
            source=source.name,
            kind=self.kind,
            revision="",
            assets=_assets(files),
            title=source.settings.attribution.title,
            homepage=source.settings.attribution.url,
            resolved_at=context.now(),
            notes=tuple(notes if plain else ()),
        )

    def fixed(self, source: Source) -> bool:
        """Say whether every file is declared with a digest."""
        assert isinstance(source.settings, HttpSettings)
        return all(_digests(file) for file in source.settings.files_declared)

    def locate(self, source: Source, release: Release, asset: Asset, context: ResolveContext) -> Location:  # noqa: ARG002  # contract
        """Return the address, under `base_url` when there is one; a declared token goes to its own origin alone."""
        assert isinstance(source.settings, HttpSettings)
        headers = {}
        if source.settings.auth is not None:
            credential = credentials.bearer(source.settings.auth, (), context.environment)
            if not credential.header:
                raise credentials.missing(credential, what=f"{source.name!r} declares auth", where=source.where)
            headers = credential.headers
        return Location(under(source.settings.base_url, asset.url), headers=headers)


def under(base: str | None, url: str) -> str:
    """Return the URL with scheme and host replaced by `base`, whose own path is put in front."""
    if base is None:
        return url
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{base.rstrip('/')}{parts.path or '/'}{query}"


def _assets(files: tuple[HttpFileSettings, ...]) -> tuple[Asset, ...]:
    """Return one asset for each file; a path that is made from an address gives way to a declared one."""
    declared = {file.path for file in files if file.path}
    made = paths_of_urls([file.url for file in files])
    return tuple(
        Asset(file.path or _free(path, declared, index), file.url.split("#")[0], size=file.size, digests=_digests(file))
        for index, (file, path) in enumerate(zip(files, made, strict=True))
    )


def _free(path: str, declared: set[str], index: int) -> str:
    return f"{index}/{path}" if path in declared else path


def _digests(file: HttpFileSettings) -> tuple[Digest, ...]:
    return tuple(Digest(name, value.lower()) for name in _ALGORITHMS if (value := getattr(file, name)))
