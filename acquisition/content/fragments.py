"""Samples inside a file: an image of an IDX file, a cell of a Parquet or Arrow table, the payload of a WARC record.

Readers compute an item's digest from the same functions that later give its bytes back, so the two cannot differ.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from acquisition.content.limits import DAMAGE, Unreadable

MAX_PAYLOAD: Final = 256_000_000
"""Bytes of one decoded WARC payload."""
IDX_TYPES: Final[Mapping[int, tuple[str, int]]] = {
    0x08: ("B", 1),
    0x09: ("b", 1),
    0x0B: (">h", 2),
    0x0C: (">i", 4),
    0x0D: (">f", 4),
    0x0E: (">d", 8),
}


@dataclass(frozen=True, slots=True)
class IdxHeader:
    """Shape of an IDX file: bytes 0, 0, type, number of dimensions, then each dimension as big-endian uint32."""

    kind: int
    shape: tuple[int, ...]

    @property
    def start(self) -> int:
        """Bytes before the first value."""
        return 4 + 4 * len(self.shape)

    @property
    def item_bytes(self) -> int:
        """Bytes of one entry along the first dimension."""
        size = IDX_TYPES[self.kind][1]
        for length in self.shape[1:]:
            size *= length
        return size


def idx_header(stream: IO[bytes]) -> IdxHeader:
    """Read the header; Unreadable when it is not one."""
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\x00\x00" or head[2] not in IDX_TYPES or not 1 <= head[3] <= 8:
        raise Unreadable("damaged-file", "not an IDX header")
    sizes = stream.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise Unreadable("damaged-file", "the IDX header is cut")
    return IdxHeader(head[2], struct.unpack(f">{head[3]}I", sizes))


def png(pixels: bytes, width: int, height: int, channels: int) -> bytes:
    """Return 8-bit grey (1) or RGB (3 channels) pixels as PNG, byte for byte the same everywhere.

    The pixels are stored, not deflated: a compressor's output changes with its version, and with it every digest.
    """
    stride = width * channels
    raw = b"".join(b"\x00" + pixels[start : start + stride] for start in range(0, stride * height, stride))
    blocks = [raw[start : start + 65_535] for start in range(0, len(raw), 65_535)] or [b""]
    body = b"".join(
        struct.pack("<BHH", index == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
        for index, block in enumerate(blocks)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    data = b"\x78\x01" + body + struct.pack(">I", zlib.adler32(raw))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def idx_image(header: IdxHeader, value: bytes) -> bytes:
    """Return one entry of an image file (uint8, rows × columns or rows × columns × 1 or 3) as PNG."""
    height, width = header.shape[1:3]
    channels = header.shape[3] if len(header.shape) == 4 else 1
    return png(value, width, height, channels)


def is_idx_image(header: IdxHeader) -> bool:
    """Say whether the entries are 8-bit images."""
    shape = header.shape
    fits = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
    return header.kind == 0x08 and fits and 0 < shape[1] <= 65_535 and 0 < shape[2] <= 65_535


def idx_content(stream: IO[bytes], index: int) -> bytes:
    """Return entry `index` of a seekable IDX image file as PNG."""
    stream.seek(0)
    header = idx_header(stream)
    if not 0 <= index < header.shape[0] or not is_idx_image(header):
        raise KeyError(f"index={index}")
    stream.seek(header.start + index * header.item_bytes)
    return idx_image(header, stream.read(header.item_bytes))


def table_batches(stream: IO[bytes], columns: list[str] | None = None, rows: int = 256) -> Iterator[Any]:
    """Yield the record batches of a seekable Parquet or Arrow (file or stream) file; Unreadable when it is damaged."""
    import pyarrow as pa

    try:
        head = stream.read(8)
        stream.seek(0)
        if head.startswith(b"PAR1"):
            yield from _parquet_batches(stream, columns, rows)
            return
        opened = pa.ipc.open_file(stream) if head.startswith(b"ARROW1") else pa.ipc.open_stream(stream)
        count = opened.num_record_batches if head.startswith(b"ARROW1") else None
        batches = (opened.get_batch(index) for index in range(count)) if count is not None else iter(opened)
        for batch in batches:
            batch.validate(full=True)
            yield batch
    except (pa.ArrowException, *DAMAGE, TypeError, MemoryError) as error:
        raise Unreadable("damaged-file", f"{type(error).__name__}: {error}") from error


def _parquet_batches(stream: IO[bytes], columns: list[str] | None, rows: int) -> Iterator[Any]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(stream, page_checksum_verification=True, coerce_int96_timestamp_unit="us")
    yield from file.iter_batches(batch_size=rows, columns=columns)


class TableCursor:
    """Walks one media column of a Parquet or Arrow file forward; asked for an earlier row, it starts over."""

    def __init__(self, stream: IO[bytes], column: str) -> None:
        self.stream = stream
        self._column = column
        self._start()

    def _start(self) -> None:
        self.stream.seek(0)
        wanted = [self._column] if self.stream.read(4) == b"PAR1" else None
        self.stream.seek(0)
        self._batches = table_batches(self.stream, wanted)
        self._first = 0
        self._values: Any = ()

    def content(self, row: int) -> bytes:
        """Return the bytes of the cell in a row; KeyError when there are none."""
        if row < self._first:
            self._start()
        while row >= self._first + len(self._values):
            self._first += len(self._values)
            batch = next(self._batches, None)
            if batch is None:
                raise KeyError(f"row={row}")
            self._values = batch.column(self._column)
        return cell_bytes(self._values[row - self._first].as_py())


def cell_bytes(value: Any) -> bytes:
    """Return the bytes of a media cell: binary, or the Hub's struct of bytes and path; KeyError when it holds none."""
    found = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(found, bytes):
        raise KeyError("the cell holds no bytes")
    return found


def warc_payload(record: Any) -> bytes:
    """Return a record's payload with chunks and content encoding undone; Unreadable when it is damaged or too large.

    warcio's own decoders end silently where compressed data is damaged, so they are not used.
    """
    from warcio.bufferedreaders import ChunkedDataReader

    headers = record.http_headers
    chunked = headers is not None and str(headers.get_header("Transfer-Encoding") or "").lower() == "chunked"
    data = _all_of(ChunkedDataReader(record.raw_stream) if chunked else record.raw_stream)
    encodings = str(headers.get_header("Content-Encoding") or "") if headers is not None else ""
    for encoding in reversed([part.strip().lower() for part in encodings.split(",") if part.strip()]):
        data = _decoded(data, encoding)
    return data


def _all_of(stream: Any) -> bytes:
    parts, size = [], 0
    try:
        while part := stream.read(1 << 16):
            parts.append(part)
            size += len(part)
            if size > MAX_PAYLOAD:
                raise Unreadable("too-large", f"the payload is larger than {MAX_PAYLOAD:,} bytes")
    except DAMAGE as error:
        raise Unreadable("warc-damaged", f"the payload cannot be read: {error}") from error
    return b"".join(parts)


def _decoded(data: bytes, encoding: str) -> bytes:
    """Undo one content encoding. A body that is plainly not encoded was decoded by whoever wrote the archive."""
    if encoding in ("identity", "none", "utf-8") or not data:
        return data
    try:
        if encoding in ("gzip", "x-gzip"):
            return _inflated(data, 31) if data.startswith(b"\x1f\x8b") else data
        if encoding == "deflate":
            return _inflated(data, 15 if data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0 else -15)
        if encoding == "br":
            import brotli

            found: bytes = brotli.Decompressor().process(data, output_buffer_limit=MAX_PAYLOAD)
            return found
        if encoding == "zstd":
            import zstandard

            return zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_PAYLOAD)
    except Exception as error:  # each decoder has its own error class, brotli's is not importable without it
        raise Unreadable("warc-damaged", f"{encoding} payload: {error}") from error
    raise Unreadable("warc-damaged", f"no decoder for content encoding {encoding[:40]!r}")


def _inflated(data: bytes, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    found = unpacker.decompress(data, MAX_PAYLOAD)
    if not unpacker.eof:
        raise ValueError(f"cut, or larger than {MAX_PAYLOAD:,} bytes")
    return found


def warc_content(stream: IO[bytes], offset: int) -> bytes:
    """Return the payload of the record that starts at `offset` of a seekable WARC file, compressed or not."""
    from warcio.archiveiterator import ArchiveIterator

    stream.seek(offset)
    for record in ArchiveIterator(stream, arc2warc=True):
        return warc_payload(record)
    raise KeyError(f"warc={offset}")
