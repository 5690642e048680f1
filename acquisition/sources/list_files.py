"""Where the files of a list are: on this machine, on the Hugging Face Hub at one commit, or at an address.

Remote ones are brought here first, piece by piece through the API client (its guard, time-outs and retries), because every row
is read more than once when a sample is drawn, and because a list that changes while it is read would give rows that nobody
published. Their sha256 is written down beside them (docs/decisions/0018-url-lists.md).
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote, urljoin, urlsplit

from acquisition.api import refusal_of
from acquisition.errors import LimitReached, ProtocolError, SourceNotFound, SourceUnavailable
from acquisition.network import origin, public_url
from acquisition.protocols import Answer, ResolveContext, Source
from acquisition.settings import AuthSettings, glob_pattern
from acquisition.sources import credentials
from acquisition.sources.folder import declared_path
from acquisition.sources.huggingface import HuggingFace, HuggingFaceSettings

PIECE: Final = 8_000_000
"""Bytes of one answer."""
LARGEST: Final = 20_000_000_000
"""Bytes of one list file that is brought here."""
HOPS: Final = 5
HUB: Final = re.compile(r"hf://datasets/(?P<repo>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w.%-]+))?/(?P<glob>[^\s?#]+)", re.ASCII)
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_GLOB: Final = re.compile(r"[*?\[]")
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.ASCII)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class ListFile:
    """One file of a list: `path` where it lies here, or the address to ask. `sha256` is what its publisher says, or ""."""

    name: str
    path: Path | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    size: int | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The files of one declared table, and sentences about them for the plan."""

    files: tuple[ListFile, ...]
    notes: tuple[str, ...] = ()


def find(table: str, source: Source, context: ResolveContext) -> Found:
    """Return the files that a declared table names; SourceNotFound when there are none. Asks only the Hub, for its listing."""
    if table.startswith(("hf://", "http://", "https://")):
        table = _VARIABLE.sub(lambda match: context.environment.get(match[1], match[0]), table)
    if table.startswith("hf://"):
        return _on_the_hub(table, source, context)
    if table.startswith(("http://", "https://")):
        name = unquote(urlsplit(table).path.rstrip("/").rpartition("/")[2]) or "list"
        return Found((ListFile(name, url=table, headers=_bearer(source.settings.auth, context)),))
    return Found(tuple(_here(table, context)))


def _here(table: str, context: ResolveContext) -> Iterator[ListFile]:
    path = declared_path(table, context)
    names = [str(path)] if path.is_file() or not _GLOB.search(table) else sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # absolute patterns
    files = [file for file in map(Path, names) if file.is_file()]
    if not files:
        raise SourceNotFound(f"there is no list at {path}", where=str(path), hint="Correct `table`.")
    common = Path(os.path.commonpath([file.parent for file in files]))
    for file in files:
        yield ListFile(file.relative_to(common).as_posix(), path=file, size=file.stat().st_size)


def _bearer(auth: AuthSettings | None, context: ResolveContext) -> Mapping[str, str]:
    if auth is None:
        return {}
    found = credentials.bearer(auth, (), context.environment)
    if not found.header:
        raise credentials.missing(found, what="the list's `auth` is declared", where="auth")
    return found.headers


def _on_the_hub(table: str, source: Source, context: ResolveContext) -> Found:
    """Resolve through the adapter for the Hub: one commit, sizes, digests, gating and its terms."""
    match = HUB.fullmatch(table)
    if match is None:
        raise ProtocolError(f"{table!r} is not hf://datasets/owner/name@revision/path", where=source.where)
    settings = HuggingFaceSettings(
        repo=match["repo"],
        revision=unquote(match["revision"] or "main"),
        auth=source.settings.auth,
        base_url=source.settings.base_url,
    )
    hub, asked = HuggingFace(), Source(source.name, settings, source.where)
    release = hub.resolve(asked, context)
    wanted = glob_pattern(f"/{match['glob']}")
    assets = [asset for asset in release.assets if wanted.fullmatch(asset.path)]
    if not assets:
        some = ", ".join(asset.path for asset in release.assets[:10])
        raise SourceNotFound(f"no file of {match['repo']} fits {match['glob']}; it has: {some}…", where=release.homepage)
    files = []
    for asset in assets:
        place = hub.locate(asked, release, asset, context)
        sha256 = next((digest.value for digest in asset.digests if digest.algorithm == "sha256"), "")
        files.append(ListFile(asset.path, url=place.url, headers=place.headers, size=asset.size, sha256=sha256))
    said = ", ".join(release.license.raw) or "nothing"
    return Found(
        tuple(files),
        (
            f"the list is {match['repo']} at commit {release.revision}",
            f"its license ({said}) is the list's own and says nothing of the files that it names",
        ),
    )


# --- bringing it here -----------------------------------------------------------------------------------------------------

Header: TypeAlias = Mapping[str, str]


def fetch(file: ListFile, target: Path, context: ResolveContext) -> str:
    """Bring a remote list file to `target` and return its sha256; one that is there already with the published digest stays.

    Raises what the server refuses, SourceUnavailable when it changes meanwhile, ProtocolError when it is a web page, is cut,
    or has another digest than its publisher says, LimitReached above LARGEST bytes.
    """
    if file.sha256 and target.is_file() and sha256_of(target) == file.sha256:
        return file.sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    with partial.open("wb") as stream:
        for piece in _pieces(file, context):
            if stream.tell() + len(piece) > LARGEST:
                raise LimitReached(f"the list {file.name} is larger than {LARGEST:,} bytes", where=public_url(file.url))
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())
    digest = sha256_of(partial)
    if file.sha256 and digest != file.sha256:
        raise ProtocolError(
            f"the list {file.name} has sha256 {digest}, and its publisher says {file.sha256}", where=public_url(file.url)
        )
    partial.replace(target)
    return digest


def sha256_of(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pieces(file: ListFile, context: ResolveContext) -> Iterator[bytes]:
    """Yield the body in order; a server that gives no ranges gives it whole, if the client's cap allows."""
    at, total, tag = 0, -1, ""
    while total < 0 or at < total:
        answer = _asked(file, {"Range": f"bytes={at}-{at + PIECE - 1}"}, context)
        _refuse_page(answer, file)
        if answer.status == 200:
            if at:
                raise SourceUnavailable(f"the server of {file.name} stopped giving ranges", where=public_url(file.url))
            yield answer.body
            return
        span = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
        whole = int(span[3]) if span and span[3] != "*" else -1
        seen = answer.headers.get("etag") or answer.headers.get("last-modified", "")
        if (
            answer.status != 206
            or span is None
            or int(span[1]) != at
            or int(span[2]) - at + 1 != len(answer.body)
            or whole <= 0
        ):
            raise ProtocolError(f"the answer to a range of {file.name} is not that range", where=public_url(file.url))
        if at and (whole != total or seen != tag):
            raise SourceUnavailable(f"{file.name} changed while it was downloaded", where=public_url(file.url))
        total, tag = whole, seen
        at += len(answer.body)
        yield answer.body


def _asked(file: ListFile, headers: Header, context: ResolveContext) -> Answer:
    """GET, following redirects; credentials stay with the origin that they were given for."""
    url, sent = file.url, {**file.headers, **headers}
    for _ in range(HOPS + 1):
        answer = context.api.exchange("GET", url, headers=sent)
        if answer.status not in _REDIRECTS:
            if answer.status in (200, 206):
                return answer
            raise refusal_of(answer, sent)
        target = urljoin(url, answer.headers.get("location", ""))
        if urlsplit(target).scheme not in ("http", "https") or (url.startswith("https:") and not target.startswith("https:")):
            raise ProtocolError("the server redirects to something that is not followed", where=public_url(url))
        if origin(target) != origin(url):
            sent = dict(headers)
        url = target
    raise ProtocolError(f"the server redirects more than {HOPS} times", where=public_url(file.url))


def _refuse_page(answer: Answer, file: ListFile) -> None:
    if answer.body[:200].lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        raise ProtocolError(f"the server sends a web page where the list {file.name} should be", where=public_url(file.url))
