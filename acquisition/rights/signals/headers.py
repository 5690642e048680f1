"""Response headers in whatever shape a client gives them, as lower-case names and text values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, cast

WANTED: Final = frozenset(
    {"x-robots-tag", "content-usage", "content-signal", "tdm-reservation", "tdm-policy", "link", "content-type", "date"}
)
MAX_VALUES: Final = 32
"""Lines of one name that are read."""
MAX_VALUE: Final = 8_192
"""Characters of one line that are read."""
MAX_HEADERS: Final = 10_000
_LONGEST_NAME: Final = 100
_DESCRIBING: Final = frozenset({"content-type", "date"})


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers that carry signals; `cut` names those of which a part was not read."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cut: frozenset[str] = frozenset()

    @property
    def speak(self) -> bool:
        """Say whether there is more than what only describes the answer."""
        return bool(self.cut or not self.values.keys() <= _DESCRIBING)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every line of a header, in order."""
        return self.values.get(name, ())

    def first(self, name: str) -> str:
        """Return the first line of a header, "" when there is none."""
        return next(iter(self.all(name)), "")


def collect(headers: object) -> Headers:
    """Return the wanted headers of a mapping, of pairs, or of a raw block; whatever is no header is passed over."""
    if isinstance(headers, tuple) and (found := _plain(headers)) is not None:
        return found
    values: dict[str, list[str]] = {}
    cut: set[str] = set()
    for count, (name, value) in enumerate(_pairs(headers)):
        if count >= MAX_HEADERS:
            cut.add("*")
            break
        wanted = _wanted(name) if isinstance(name, (str, bytes)) and len(name) < _LONGEST_NAME else ""
        for one in _each(value) if wanted else ():
            text = _text(one)
            lines = values.setdefault(wanted, [])
            if len(lines) >= MAX_VALUES or len(text) > MAX_VALUE:
                cut.add(wanted)
            if len(lines) < MAX_VALUES:
                lines.append(text[:MAX_VALUE].strip())
    return Headers({name: tuple(lines) for name, lines in values.items()}, frozenset(cut))


def _plain(headers: tuple[object, ...]) -> Headers | None:
    """Return the wanted headers of pairs of texts that are within all limits, None for anything else."""
    places = _places(headers)
    if places is None:
        return None
    values: dict[str, tuple[str, ...]] = {}
    for place, name in places:
        text, before = cast("tuple[str, object]", headers[place])[1], values.get(name, ())
        if not isinstance(text, str) or len(text) > MAX_VALUE or len(before) >= MAX_VALUES:
            return None
        values[name] = (*before, text.strip())
    return Headers(values)


def _places(headers: tuple[object, ...]) -> tuple[tuple[int, str], ...] | None:
    """Return where the wanted ones stand among pairs of texts, None for anything else; a server's names are always the same."""
    try:
        names = tuple([name for name, _ in cast("tuple[tuple[str, str], ...]", headers)])
        return _among(names) if len(names) < MAX_HEADERS else None
    except (TypeError, ValueError):  # no pairs, or names that cannot be looked up
        return None


@lru_cache(maxsize=1_024)
def _among(names: tuple[object, ...]) -> tuple[tuple[int, str], ...] | None:
    if not all(isinstance(name, str) for name in names):
        return None
    found = ((place, _wanted(name)) for place, name in enumerate(cast("tuple[str, ...]", names)) if len(name) < _LONGEST_NAME)
    return tuple((place, name) for place, name in found if name)


@lru_cache(maxsize=4_096)
def _wanted(name: str | bytes) -> str:
    """Return a header's name in lower case when it carries signals, else nothing; sites use few names."""
    lower = _text(name).strip().lower()
    return lower if lower in WANTED else ""


def _each(value: object) -> Iterable[object]:
    return value if isinstance(value, (list, tuple)) else (value,)


def _pairs(headers: object) -> Iterator[tuple[object, object]]:
    if isinstance(headers, (str, bytes)):
        for line in _text(headers)[: MAX_HEADERS * 100].splitlines():
            name, _, value = line.partition(":")
            yield name, value
        return
    entries = headers.items() if isinstance(headers, Mapping) or hasattr(headers, "items") else headers
    if not isinstance(entries, Iterable):
        return
    for entry in cast("Iterable[object]", entries):
        if isinstance(entry, (tuple, list)) and len(entry) == 2:
            yield entry[0], entry[1]


def _text(value: object) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
