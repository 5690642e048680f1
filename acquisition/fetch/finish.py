"""The last steps of a file, in a worker thread: compare, take a wrapping off if there is one, and hand it to the blob store."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final
from urllib.parse import unquote, urlsplit

from acquisition.blobs import BlobStore
from acquisition.errors import ArchiveRefused, DigestMismatch, SizeMismatch, UnexpectedBody
from acquisition.fetch.body import is_page
from acquisition.fetch.digests import BLOCK, STRONG, Hashes, compare, digest_bytes
from acquisition.fetch.part import PartFile
from acquisition.model import Asset, Blob, Digest

_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_NAMES: Final = (".gz", ".tgz", ".gzip")
_RATIO_FREE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """What has to be known of a delivered body to judge it.

    `server_digests` speak of the bytes as delivered, the asset's own of the content. `encoding` is a content coding that
    nobody asked for. `page` says that the body looks like a web page where none was promised.
    """

    asset: Asset
    server_digests: tuple[Digest, ...] = ()
    encoding: str = ""
    url: str = ""
    page: bool = False

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Every digest that has to be computed, beside sha256."""
        return tuple({digest.algorithm: None for digest in (*self.asset.digests, *self.server_digests)})

    @property
    def plain(self) -> bool:
        """Whether the delivered bytes must be the content itself, so that its published size holds for them."""
        return not self.encoding and not self.asset.packed


@dataclass(frozen=True, slots=True)
class Finished:
    """A verified blob, with what was compared and what was taken off."""

    blob: Blob
    checked: tuple[str, ...]
    unwrapped: str = ""


def judge(delivery: Delivery, size: int, values: dict[str, str]) -> tuple[str, ...]:
    """Compare content with everything that was published about it and return what agreed.

    Raises UnexpectedBody (a page, or nothing, where data was promised), SizeMismatch or DigestMismatch.
    """
    asset = delivery.asset
    proven = any(digest.algorithm in STRONG for digest in asset.digests)
    fits = asset.size is None or asset.size == size
    if delivery.page and not (proven and fits):
        raise _page(asset)
    if size == 0 and asset.size != 0 and not proven:
        raise UnexpectedBody(f"{asset.path}: the server sent an empty file", hint="Try again later, or look at the address.")
    if not fits:
        raise SizeMismatch(f"{asset.path}: {asset.size:,} bytes were published, {size:,} came")
    try:
        return compare(values, asset.digests, size)
    except DigestMismatch as error:
        if delivery.page:
            raise _page(asset) from error
        raise DigestMismatch(f"{asset.path} is not the file that was published: {error.message}", hint=error.hint) from error


def _page(asset: Asset) -> UnexpectedBody:
    return UnexpectedBody(
        f"{asset.path}: the server sent a web page where data was promised",
        hint="Open the address in a browser: it may want a log-in, accepted terms, or a proof that you are no robot.",
    )


def judge_bytes(delivery: Delivery, data: bytes) -> tuple[str, tuple[str, ...]]:
    """Judge a small, plain body in memory; return its sha256 and what agreed."""
    values = digest_bytes(data, delivery.algorithms)
    checked = judge(delivery, len(data), values)
    if delivery.server_digests:
        checked = tuple(dict.fromkeys((*checked, *_judge_wire(delivery, values, len(data)))))
    return values["sha256"], checked


def _judge_wire(delivery: Delivery, values: dict[str, str], size: int) -> tuple[str, ...]:
    if delivery.encoding:
        return ()
    try:
        return compare(values, delivery.server_digests, size)
    except DigestMismatch as error:
        raise DigestMismatch(f"{delivery.asset.path} was damaged on its way: {error.message}") from error


def finish(
    blobs: BlobStore,
    part: PartFile,
    hashes: Hashes,
    delivery: Delivery,
    *,
    room: Callable[[int], None],
    announce: Callable[[Finished], None],
) -> Finished:
    """Judge a complete part file, unwrap it where it is wrapped, and hand it to the blob store.

    `room` is asked before bytes are written and raises DiskFull. `announce` journals the result just before the rename: a
    kill between the two leaves either a complete part file or a blob that the journal knows. The part file is gone on
    success and stays on failure.
    """
    size = os.fstat(part.descriptor).st_size
    hashes.follow(part.descriptor, size)
    values = hashes.values()
    if missing := [name for name in delivery.algorithms if name not in values]:
        rest = Hashes(missing, size)
        rest.follow(part.descriptor, size)
        values |= rest.values()
    wire = _judge_wire(delivery, values, size)
    label = _wrapping(part.path, delivery, size, values)
    if not label:
        checked = judge(delivery, size, values)
        agreed = tuple(dict.fromkeys((*checked, *wire)))
        return _hand_over(blobs, part.path, Finished(_blob(blobs, values["sha256"], size), agreed), announce)
    return _unwrap(blobs, part, label, delivery, room, announce)


def _blob(blobs: BlobStore, sha256: str, size: int) -> Blob:
    return Blob(sha256=sha256, size=size, path=str(blobs.path(sha256)))


def _hand_over(blobs: BlobStore, temporary: Path, done: Finished, announce: Callable[[Finished], None]) -> Finished:
    announce(done)
    blobs.adopt(temporary, done.blob.sha256, done.blob.size)
    return done


def _wrapping(path: Path, delivery: Delivery, size: int, values: dict[str, str]) -> str:
    """Return what has to be taken off: "zip:<member>", "gzip", or "" when the bytes are the content."""
    asset = delivery.asset
    published = asset.size is not None or bool(asset.digests)
    fits = (asset.size is None or asset.size == size) and all(values[d.algorithm] == d.value for d in asset.digests)
    if asset.packed:
        name = PurePosixPath(asset.path).name
        renamed = PurePosixPath(unquote(urlsplit(delivery.url).path)).name == f"{name}.zip"
        if (renamed or not (published and fits)) and (member := _only_member(path, name)):
            return f"zip:{member}"
    if delivery.encoding and not (published and fits):
        if delivery.encoding not in _GZIP:
            raise UnexpectedBody(
                f"{asset.path}: the server applied the content coding {delivery.encoding!r}, which was not asked for"
            )
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        return "gzip" if packed and (published or not asset.path.lower().endswith(_GZIP_NAMES)) else ""
    return ""


def _only_member(path: Path, name: str) -> str:
    """Return the one file of a zip if it bears the asset's name, "" for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist()[:3] if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ""
    fits = len(members) == 1 and PurePosixPath(members[0].filename).name == name
    return members[0].filename if fits else ""


def _unwrap(
    blobs: BlobStore,
    part: PartFile,
    label: str,
    delivery: Delivery,
    room: Callable[[int], None],
    announce: Callable[[Finished], None],
) -> Finished:
    temporary = part.path.with_suffix(".content")
    try:
        with temporary.open("wb") as target:
            hashes = Hashes(delivery.algorithms, delivery.asset.size or 0)
            size = _copy(_opened(part.path, label), target, hashes, _ceiling(delivery.asset, part), room)
        values = hashes.values()
        if delivery.asset.size is None and "git-sha1" in values:
            values |= digest_file(temporary, ["git-sha1"])
        with temporary.open("rb") as content:
            head = content.read(1024)
        checked = judge(_content_of(delivery, head), size, values)
        done = _hand_over(blobs, temporary, Finished(_blob(blobs, values["sha256"], size), checked, label), announce)
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ArchiveRefused(f"{delivery.asset.path} was delivered wrapped ({label}) and cannot be opened: {error}") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    part.remove()
    return done


def _content_of(delivery: Delivery, head: bytes) -> Delivery:
    """Return the delivery as it stands after unwrapping: whether the content is a page is asked of the content."""
    page = delivery.page or (is_page(head, "") and not delivery.asset.path.lower().endswith((".html", ".htm")))
    return Delivery(asset=delivery.asset, url=delivery.url, page=page)


def _opened(path: Path, label: str) -> Iterable[bytes]:
    kind, _, member = label.partition(":")
    if kind == "gzip":
        with gzip.open(path, "rb") as stream:
            yield from _blocks(stream)
        return
    with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        yield from _blocks(stream)


def _blocks(stream: IO[bytes] | gzip.GzipFile) -> Iterable[bytes]:
    while block := stream.read(BLOCK):
        yield block


def _ceiling(asset: Asset, part: PartFile) -> int:
    """Return how many bytes may come out: the published size, else what the limits for archives allow."""
    from acquisition.settings import ArchiveSettings  # loads every settings model, and few files come wrapped

    limits = ArchiveSettings()
    if asset.size is not None:
        return asset.size
    packed = os.fstat(part.descriptor).st_size
    return min(limits.max_bytes, max(_RATIO_FREE, int(packed * limits.max_ratio)))


def _copy(blocks: Iterable[bytes], target: IO[bytes], hashes: Hashes, ceiling: int, room: Callable[[int], None]) -> int:
    for block in blocks:
        if hashes.position + len(block) > ceiling:
            raise ArchiveRefused(f"more than {ceiling:,} bytes come out of the wrapped file")
        room(len(block))
        target.write(block)
        hashes.update(block)
    return hashes.position


def digest_file(path: Path, algorithms: Iterable[str]) -> dict[str, str]:
    """Return algorithm → value of a file, sha256 always among them."""
    with path.open("rb", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        hashes = Hashes(algorithms, size)
        hashes.follow(stream.fileno(), size)
    return hashes.values()
