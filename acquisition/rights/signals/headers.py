"""Response headers in whatever shape a client gives them, as lower-case names and text values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

WANTED: Final = frozenset(
    {"x-robots-tag", "content-usage", "content-signal", "tdm-reservation", "tdm-policy", "link", "content-type", "date"}
)
MAX_VALUES: Final = 32
"""Lines of one name that are read."""
MAX_VALUE: Final = 8_192
"""Characters of one line that are read."""
MAX_HEADERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers that carry signals; `cut` names those of which a part was not read."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cut: frozenset[str] = frozenset()

    def all(self, name: str) -> tuple[str, ...]:
        """Return every line of a header, in order."""
        return self.values.get(name, ())

    def first(self, name: str) -> str:
        """Return the first line of a header, "" when there is none."""
        return next(iter(self.all(name)), "")


def collect(headers: object) -> Headers:
    """Return the wanted headers of a mapping, of pairs, or of a raw block; whatever is no header is passed over."""
    values: dict[str, list[str]] = {}
    cut: set[str] = set()
    for count, (name, value) in enumerate(_pairs(headers)):
        if count >= MAX_HEADERS:
            cut.add("*")
            break
        if name in WANTED:
            lines = values.setdefault(name, [])
            if len(lines) >= MAX_VALUES or len(value) > MAX_VALUE:
                cut.add(name)
            if len(lines) < MAX_VALUES:
                lines.append(value[:MAX_VALUE].strip())
    return Headers({name: tuple(lines) for name, lines in values.items()}, frozenset(cut))


def _pairs(headers: object) -> Iterator[tuple[str, str]]:
    if isinstance(headers, (str, bytes)):
        lines = (line.partition(":") for line in _text(headers)[: MAX_HEADERS * 100].splitlines())
        yield from ((name.strip().lower(), value) for name, _, value in lines)
        return
    entries = headers.items() if isinstance(headers, Mapping) or hasattr(headers, "items") else headers
    if not isinstance(entries, Iterable):
        return
    for entry in cast("Iterable[object]", entries):
        if isinstance(entry, (tuple, list)) and len(entry) == 2:
            name = _text(entry[0]).strip().lower()
            many = entry[1] if isinstance(entry[1], (list, tuple)) else (entry[1],)
            yield from ((name, _text(value)) for value in many)


def _text(value: object) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
