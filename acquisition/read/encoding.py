"""Which encoding a text is in, and its lines one by one.

Order: declared, byte order mark, ISO-2022 escapes (valid ASCII, so looked for first), strict UTF-8, then the declared
`encoding_fallback`. A detector only ever suggests: on Latin-1 text charset-normalizer was wrong in 12 of 16 cases.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from acquisition.content.limits import Unreadable
from acquisition.settings import ReadSettings

SAMPLE: Final = 65_536
BLOCK: Final = 1 << 20
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ESCAPES: Final = ((b"\x1b$B", "iso2022_jp"), (b"\x1b$@", "iso2022_jp"), (b"\x1b$)C", "iso2022_kr"))
_DOUBTFUL_SHARE: Final = 0.1
_DOUBTFUL_LETTERS: Final = 16
"""On fewer letters a detector guesses."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a text is decoded. `fallback` is what follows when UTF-8 was only assumed and turns out wrong, else ""."""

    name: str
    declared: bool = False
    bom: bytes = b""
    fallback: str = ""

    @property
    def wide(self) -> bool:
        """True where a line's end is not the one byte 0x0A."""
        return self.name.startswith(("utf-16", "utf-32"))


def known_encoding(name: str) -> str:
    """Return Python's name for an encoding; Unreadable when there is none (or it is no text encoding)."""
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError) as error:
        raise Unreadable("undecodable", f"no encoding is called {name!r}") from error
    if not getattr(info, "_is_text_encoding", True) or info.name in (
        "idna",
        "punycode",
        "unicode-escape",
        "raw-unicode-escape",
    ):
        raise Unreadable("undecodable", f"{name!r} does not encode text files")
    return info.name


def encoding_of(sample: bytes, settings: ReadSettings) -> Encoding:
    """Return the encoding for a file that starts with `sample`."""
    bom, marked = next(((bom, name) for bom, name in _BOMS if sample.startswith(bom)), (b"", ""))
    if settings.encoding is not None:
        name = known_encoding(settings.encoding)
        if name in ("utf-8-sig", "utf-16", "utf-32"):
            name = marked or {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[name]
        return Encoding(name, declared=True, bom=bom if marked == name else b"")
    if marked:
        return Encoding(marked, bom=bom)
    escaped = next((name for escape, name in _ESCAPES if escape in sample), "") or _wide(sample)
    if escaped:
        return Encoding(escaped)
    return Encoding("utf-8", fallback=known_encoding(settings.encoding_fallback))


def _wide(sample: bytes) -> str:
    """Return UTF-16 without a mark where one half of all byte pairs is mostly NUL and the other never is."""
    if len(sample) < 4:
        return ""
    even, odd = sample[0::2], sample[1::2]
    if odd.count(0) > 0.6 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.6 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return ""


def suggestion(sample: bytes) -> str:
    """Return what a detector takes the text for ("" when it does not know): a hint for people, never acted upon."""
    from charset_normalizer import from_bytes

    best = from_bytes(sample[:16_384]).best()
    return "" if best is None else best.encoding.replace("_", "-")


def doubt_about(sample: bytes, used: str) -> str:
    """Say why a fallback encoding may be wrong: a detector reads another script in the text. "" when it does not."""
    guess = suggestion(sample)
    if not guess:
        return ""
    text = sample.decode(guess, "replace")
    foreign = sum(1 for letter in text if letter.isalpha() and ord(letter) >= 0x250)
    marked = sum(1 for letter in text if ord(letter) >= 0x80)
    if marked >= _DOUBTFUL_LETTERS and foreign > 0.5 * marked:
        return f"not UTF-8, so read as {used}; a detector takes it for {guess}: declare read.encoding"
    return ""


def decode_all(data: bytes, settings: ReadSettings) -> tuple[str, str, str]:
    """Return a whole text, the encoding it was in, and a doubt; Unreadable names what was tried and a suggestion."""
    encoding = encoding_of(data[:SAMPLE], settings)
    body = data[len(encoding.bom) :]
    try:
        return body.decode(encoding.name), encoding.name, ""
    except UnicodeDecodeError as error:
        first = error
    if encoding.fallback:
        try:
            return body.decode(encoding.fallback), encoding.fallback, doubt_about(body, encoding.fallback)
        except UnicodeDecodeError as error:
            first = error
    raise undecodable(first, encoding, body)


def undecodable(error: UnicodeDecodeError, encoding: Encoding, sample: bytes) -> Unreadable:
    """Return the rejection for text that its encoding does not decode."""
    said = "declared as" if encoding.declared else "read as"
    guess = suggestion(sample)
    hint = f"; it looks like {guess}" if guess else "; it may be binary"
    return Unreadable(
        "undecodable", f"{said} {error.encoding}, which cannot decode byte {error.object[error.start]:#04x}{hint}"
    )


def some(stream: IO[bytes], size: int) -> bytes:
    """Return up to `size` bytes, b"" at the end. Unlike `read`, keeps what stands before damage from being lost with it."""
    found: bytes = getattr(stream, "read1", stream.read)(size)
    return found


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a text, each with its end. `first` is the number of the first, from 1.

    `problems` holds (index in `lines`, rejection code, sentence); the text at that index is empty.
    """

    first: int
    lines: list[str]
    problems: tuple[tuple[int, str, str], ...] = ()


class Lines:
    r"""Decodes a stream in blocks of whole lines, with a ceiling on a line's bytes. Lines end at "\n" (or "\r") only.

    U+2028 and its kin are ordinary characters. Raises Unreadable when the declared encoding is plainly not the file's.
    """

    def __init__(self, stream: IO[bytes], settings: ReadSettings) -> None:
        self._stream = stream
        self._limit = settings.max_line_bytes
        self._damage: Unreadable | None = None
        first = self._sample()
        self.encoding = encoding_of(first, settings)
        self.doubt = ""
        """Set once a fallback encoding was taken that a detector would not take."""
        self._buffer = first[len(self.encoding.bom) :]
        self._seen_utf8 = False
        self._end = b"\n"
        if not self.encoding.wide and b"\n" not in self._buffer and b"\r" in self._buffer:
            self._end = b"\r"
        self._demand_plausible(self._buffer, whole=len(first) < SAMPLE)

    def _sample(self) -> bytes:
        """Return the first bytes; damage that stands right behind them is met when they have been used."""
        found = b""
        try:
            while len(found) < SAMPLE and (fresh := some(self._stream, SAMPLE - len(found))):
                found += fresh
        except Unreadable as error:
            if not found:
                raise
            self._damage = error
        return found

    def _more(self) -> bytes:
        if self._damage is not None:
            raise self._damage
        return some(self._stream, BLOCK)

    def _demand_plausible(self, sample: bytes, *, whole: bool) -> None:
        if not self.encoding.declared or self.encoding.wide:
            return
        lines = sample.split(self._end)
        lines = lines if whole or len(lines) == 1 else lines[:-1]
        failures = [error for line in lines if (error := _failure(line, self.encoding.name))]
        if failures and len(failures) > _DOUBTFUL_SHARE * len(lines):
            found = undecodable(failures[0], self.encoding, sample)
            raise Unreadable(found.code, f"{found.detail}; {len(failures)} of the first {len(lines)} lines fail")

    def chunks(self) -> Iterator[Chunk]:
        """Yield all lines in chunks of about a megabyte."""
        number = 1
        for chunk in self._wide_chunks() if self.encoding.wide else self._byte_chunks():
            yield Chunk(number, chunk.lines, chunk.problems)
            number += len(chunk.lines)

    def _blocks(self) -> Iterator[bytes]:
        """Yield the bytes in blocks that end with a line. A line that is too long is cut just beyond the limit."""
        held, fresh = b"", self._buffer
        while fresh:
            cut = fresh.rfind(self._end)
            if cut < 0:
                held = (held + fresh)[: self._limit + 1]
            else:
                yield held + fresh[: cut + 1]
                held = fresh[cut + 1 :]
            fresh = self._more()
        if held:
            yield held

    def _byte_chunks(self) -> Iterator[Chunk]:
        end = self._end.decode()
        for block in self._blocks():
            text = self._decoded(block) if len(block) <= self._limit and b"\x00" not in block else None
            if text is None:
                yield self._careful_chunk(block)
                continue
            lines = text.split(end)
            last = lines.pop()
            lines = [line + "\n" for line in lines]
            yield Chunk(0, [*lines, last] if last else lines)

    def _decoded(self, block: bytes) -> str | None:
        try:
            text = block.decode(self.encoding.name)
        except UnicodeDecodeError as error:
            return self._fall_back(block, error)
        self._seen_utf8 = self._seen_utf8 or (bool(self.encoding.fallback) and not text.isascii())
        return text

    def _fall_back(self, block: bytes, error: UnicodeDecodeError) -> str | None:
        """Leave UTF-8 for the fallback, unless the file has already shown real UTF-8: then single lines are bad."""
        fallback = self.encoding.fallback
        if not fallback or self._seen_utf8 or mostly_utf8(block):
            return None
        self.encoding = Encoding(fallback)
        self.doubt = doubt_about(block[max(error.start - 4_096, 0) : error.start + 12_288], fallback)
        try:
            return block.decode(fallback)
        except UnicodeDecodeError:
            return None

    def _careful_chunk(self, block: bytes) -> Chunk:
        raw = block.split(self._end)
        if not raw[-1]:
            raw.pop()
        lines, problems = [], []
        for index, line in enumerate(raw):
            try:
                lines.append(self._line(line))
            except Unreadable as problem:
                lines.append("")
                problems.append((index, problem.code, problem.detail))
        return Chunk(0, lines, tuple(problems))

    def _line(self, line: bytes) -> str:
        if len(line) > self._limit:
            raise Unreadable("line-too-long", f"longer than {self._limit:,} bytes (read.max_line_bytes)")
        if b"\x00" in line:
            raise Unreadable("nul-byte", "the line holds a NUL byte")
        try:
            return line.decode(self.encoding.name) + "\n"
        except UnicodeDecodeError as error:
            raise undecodable(error, self.encoding, line) from error

    def _wide_chunks(self) -> Iterator[Chunk]:
        decoder = codecs.getincrementaldecoder(self.encoding.name)("strict")
        held, data, last = "", self._buffer, False
        while not last:
            last = not data
            try:
                held += decoder.decode(data, final=last)
            except UnicodeDecodeError as error:
                raise undecodable(error, self.encoding, data) from error
            *lines, held = held.split("\n")
            if len(held) > self._limit:
                raise Unreadable("line-too-long", f"longer than {self._limit:,} characters (read.max_line_bytes)")
            if lines:
                yield Chunk(0, [line + "\n" for line in lines])
            data = b"" if last else self._more()
        if held:
            yield Chunk(0, [held])


def _failure(line: bytes, name: str) -> UnicodeDecodeError | None:
    try:
        line.decode(name)
    except UnicodeDecodeError as error:
        return error
    return None


def mostly_utf8(block: bytes) -> bool:
    """Say whether more lines with high bytes are UTF-8 than are not."""
    marked = [line for line in block.split(b"\n") if not line.isascii()]
    return sum(1 for line in marked if _failure(line, "utf-8")) * 2 < len(marked)
