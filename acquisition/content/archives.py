"""zip and tar, walked with suspicion: nothing is extracted, no link is followed, no header is believed."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, ClassVar, Final, Protocol, cast

from acquisition.content.binaries import checked, range_of
from acquisition.content.compression import compression_of, unpacked
from acquisition.content.limits import DAMAGE, Budget, Unreadable
from acquisition.content.names import safe_name

HEAD: Final = 4_096
MAX_TAR_HEADER: Final = 64 * 1024
"""Extended headers hold names and times; larger ones are attacks (and slow to parse before Python 3.11.10)."""
_ENCRYPTED: Final = 0x1
_UTF8: Final = 0x800


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: a safe relative name, the size its header claims, and how to open it.

    `problem` is (rejection code, sentence) for a member that is refused; it is then never opened.
    """

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    problem: tuple[str, str] | None = None


def _refused(name: str, code: str, detail: str) -> Member:
    return Member(ascii(name[:200])[1:-1], 0, _closed, (code, detail))


def _closed() -> IO[bytes]:
    raise Unreadable("archive-name", "a refused member is not opened")


class Archive(Protocol):
    """Members in the order of the archive, directories left out.

    `forward` says that members can be read only in that order, while they pass.
    """

    forward: ClassVar[bool]
    budget: Budget

    @abstractmethod
    def walk(self) -> Iterator[Member]:
        """Yield every member once; a member of a stream can be opened only until the next one is asked for."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """Open a member by its safe name; KeyError when there is none."""

    @abstractmethod
    def close(self) -> None:
        """Let the archive go."""


class ZipArchive(Archive):
    """A zip over a seekable stream. Overlapping entries, encryption and unknown methods are refused by member."""

    forward: ClassVar[bool] = False

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self.budget = budget
        self._stream = stream
        try:
            self._zip = zipfile.ZipFile(stream)
        except DAMAGE as error:
            raise Unreadable("archive-damaged", f"zip: {error}") from error
        self._overlapping = overlaps(self._zip)
        self._index: dict[str, zipfile.ZipInfo] | None = None

    def walk(self) -> Iterator[Member]:
        """Yield every member once."""
        seen: set[str] = set()
        for info in self._zip.infolist():
            self.budget.count_member()
            if not info.filename.endswith("/") or info.file_size:
                yield self._member(info, seen)

    def _member(self, info: zipfile.ZipInfo, seen: set[str]) -> Member:
        try:
            name = zip_name(info)
            self._judge(info)
        except Unreadable as problem:
            return _refused(info.filename, problem.code, problem.detail)
        if name in seen:
            return _refused(name, "archive-duplicate", "an earlier member has the same name")
        seen.add(name)
        return Member(name, info.file_size, lambda: self._opened(info, self.budget))

    def _judge(self, info: zipfile.ZipInfo) -> None:
        mode = stat.S_IFMT(info.external_attr >> 16)
        if mode == stat.S_IFLNK:
            raise Unreadable("archive-link", "a symbolic link; links are never followed")
        if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise Unreadable("archive-special", "a device, pipe or socket")
        if info.flag_bits & _ENCRYPTED:
            raise Unreadable("archive-encrypted", "the member is encrypted")
        if info.header_offset in self._overlapping:
            raise Unreadable("archive-overlap", "its bytes overlap another member's")

    def _opened(self, info: zipfile.ZipInfo, budget: Budget) -> IO[bytes]:
        try:
            stream = self._zip.open(info)
        except NotImplementedError as error:
            raise Unreadable("archive-method", f"{error}") from error
        except DAMAGE as error:
            raise Unreadable("archive-damaged", f"{error}") from error
        return checked(stream, lambda: info.compress_size, budget, "archive-damaged")

    def names(self) -> Mapping[str, zipfile.ZipInfo]:
        """Return the members that are not refused by their safe names."""
        if self._index is None:
            self._index = {}
            for info in self._zip.infolist():
                with suppress(Unreadable):
                    if not info.filename.endswith("/") or info.file_size:
                        self._judge(info)
                        self._index.setdefault(zip_name(info), info)
        return self._index

    def open(self, name: str) -> IO[bytes]:
        """Open a member by its safe name; KeyError when there is none."""
        return self._opened(self.names()[name], Budget(self.budget.limits))

    def close(self) -> None:
        """Let the archive go."""
        self._zip.close()
        self._stream.close()


def zip_name(info: zipfile.ZipInfo) -> str:
    """Return the safe name of a zip's entry; Unreadable when it has none."""
    if "\x00" in info.orig_filename:
        raise Unreadable("archive-name", "the name holds a NUL character")
    name = info.filename
    if not info.flag_bits & _UTF8:  # zipfile has read it as cp437; many packers wrote UTF-8 without saying so
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return safe_name(name)


def overlaps(archive: zipfile.ZipFile) -> frozenset[int]:
    """Return the header offsets of entries whose packed bytes run into the next entry or into the directory.

    This is how one small file becomes petabytes (Fifield, WOOT 2019); Python's own check came after 3.11.7.
    """
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    end = getattr(archive, "start_dir", None)
    found: set[int] = set()
    for index, info in enumerate(infos):
        following = infos[index + 1].header_offset if index + 1 < len(infos) else end
        if following is not None and info.header_offset + 30 + info.compress_size > following:
            found.add(info.header_offset)
    return frozenset(found)


class _TarInfo(tarfile.TarInfo):
    """Header parsing with ceilings; remembers why the archive ended, which tarfile keeps to itself."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> _TarInfo:
        archive = cast("_Tar", tarfile)
        try:
            return super().fromtarfile(tarfile)
        except Exception as error:
            archive.end = type(error).__name__
            raise

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.size < 0:
            raise tarfile.ReadError("a member of negative size")
        if self.type in (
            tarfile.XHDTYPE,
            tarfile.XGLTYPE,
            tarfile.SOLARIS_XHDTYPE,
            tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        ):
            if self.size > MAX_TAR_HEADER:
                raise Unreadable("archive-name", f"an extended header of {self.size:,} bytes")
        elif self.type == tarfile.GNUTYPE_SPARSE:
            raise Unreadable("archive-special", "a sparse file")
        return super()._proc_member(archive)  # type: ignore[misc]  # tarfile's own hook, not in the type stubs

    def _proc_gnusparse_00(self, *_: Any) -> None:
        raise Unreadable("archive-special", "a sparse file")

    _proc_gnusparse_01 = _proc_gnusparse_10 = _proc_gnusparse_00


class _Tar(tarfile.TarFile):
    end = ""


class TarArchive(Archive):
    """A tar over a forward stream; a member asked for again is found by starting over.

    `reopen` gives the (decompressed) stream from its start.
    """

    forward: ClassVar[bool] = True

    def __init__(self, reopen: Callable[[], IO[bytes]], budget: Budget) -> None:
        self._reopen = reopen
        self.budget = budget
        self._stream: IO[bytes] | None = None
        self._cursor: Iterator[Member] = iter(())
        self._passed: set[str] = set()

    def walk(self) -> Iterator[Member]:
        """Yield every member once."""
        if self._stream is not None:
            self._stream.close()
        self._stream = self._reopen()
        seen: set[str] = set()
        try:
            archive = _Tar.open(fileobj=self._stream, mode="r|", tarinfo=_TarInfo, errorlevel=0)
            while (info := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # or a million headers stay in memory
                self.budget.count_member()
                if not info.isdir():
                    yield self._member(archive, info, seen)
        except DAMAGE as error:
            raise Unreadable("archive-damaged", f"tar: {error}") from error
        if archive.end != "EOFHeaderError":
            raise Unreadable("archive-damaged", "the tar has no end mark: it is cut, or a header is damaged")

    def _member(self, archive: tarfile.TarFile, info: tarfile.TarInfo, seen: set[str]) -> Member:
        try:
            name = safe_name(tar_name(info.name))
            _judge_tar(info)
        except Unreadable as problem:
            return _refused(tar_name(info.name), problem.code, problem.detail)
        if name in seen:
            return _refused(name, "archive-duplicate", "an earlier member has the same name")
        seen.add(name)
        return Member(name, info.size, lambda: self._opened(archive, info))

    def _opened(self, archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
        stream = archive.extractfile(info)
        assert stream is not None
        return checked(stream, lambda: info.size, Budget(self.budget.limits), "archive-damaged")

    def open(self, name: str) -> IO[bytes]:
        """Open a member by its safe name; KeyError when there is none."""
        for _ in range(2):
            if name not in self._passed:
                for member in self._cursor:
                    if member.problem is None:
                        self._passed.add(member.name)
                        if member.name == name:
                            return member.open()
            self._cursor, self._passed = self.walk(), set()
            self.budget = Budget(self.budget.limits)
        raise KeyError(name)

    def close(self) -> None:
        """Let the archive go."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _judge_tar(info: tarfile.TarInfo) -> None:
    if info.issym() or info.islnk():
        raise Unreadable("archive-link", "a link; links are never followed")
    if not info.isreg() or info.issparse():
        raise Unreadable("archive-special", "a device, pipe or sparse file")


class PlainTarArchive(TarArchive):
    """A tar that lies uncompressed in a file: members are read in place, from an index made in one pass."""

    forward: ClassVar[bool] = False

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        super().__init__(lambda: range_of(stream, 0, size), budget)
        size = stream.seek(0, 2)
        self._file = stream
        self._places: dict[str, tuple[int, int]] | None = None

    def _opened(self, archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
        del archive
        return range_of(self._file, info.offset_data, info.size)

    def _member(self, archive: tarfile.TarFile, info: tarfile.TarInfo, seen: set[str]) -> Member:
        member = super()._member(archive, info, seen)
        if member.problem is None and self._places is not None:
            self._places[member.name] = (info.offset_data, info.size)
        return member

    def open(self, name: str) -> IO[bytes]:
        """Open a member by its safe name; KeyError when there is none."""
        if self._places is None:
            self._places = {}
            with suppress(Unreadable):  # what was found before the damage stays readable; the reader has recorded it
                for _ in self.walk():
                    pass
        return range_of(self._file, *self._places[name])

    def close(self) -> None:
        """Let the archive go."""
        super().close()
        self._file.close()


def tar_name(name: str) -> str:
    """Return the name of a tar's entry as text: UTF-8, or Latin-1 where it is none."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if name.isascii() else _decoded(name)


def _decoded(name: str) -> str:
    raw = name.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def is_tar(head: bytes) -> bool:
    """Say whether the first 512 bytes are a tar header: the ustar mark or a checksum that adds up."""
    if len(head) < 512 or not head[0]:
        return False
    if head[257:262] == b"ustar":
        return True
    try:
        stored = int(head[148:156].split(b"\x00")[0].strip() or b"-1", 8)
    except ValueError:
        return False
    return stored == sum(head[:148]) + 8 * 32 + sum(head[156:512])


def is_zip(head: bytes) -> bool:
    """Say whether the first bytes are a zip's (a local header, an empty archive, or a spanned one's mark)."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04"))


def open_archive(reopen: Callable[[], IO[bytes]], budget: Budget) -> Archive | None:
    """Return the archive that a seekable file holds, zip or tar, the latter also compressed; None when it is neither."""
    stream = reopen()
    try:
        archive = _opened(stream, reopen, budget)
    except BaseException:
        stream.close()
        raise
    if archive is None or archive.forward:
        stream.close()
    return archive


def _opened(stream: IO[bytes], reopen: Callable[[], IO[bytes]], budget: Budget) -> Archive | None:
    head = stream.read(HEAD)
    stream.seek(0)
    kind = compression_of(head)
    if is_zip(head) or (not is_tar(head) and not kind and _ends_as_zip(stream)):
        return ZipArchive(stream, budget)
    if is_tar(head):
        return PlainTarArchive(stream, budget)
    if not kind:
        return None
    inner = unpacked(stream, kind, Budget(budget.limits))
    found = is_tar(inner.read(512))
    return TarArchive(lambda: unpacked(reopen(), kind, budget), budget) if found else None


def _ends_as_zip(stream: IO[bytes]) -> bool:
    size = stream.seek(0, 2)
    stream.seek(max(size - 66_000, 0))
    tail = stream.read()
    stream.seek(0)
    return b"PK\x05\x06" in tail
