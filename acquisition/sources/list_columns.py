"""What the columns of a list mean: which holds the address, the caption, a digest…, and which rows are taken."""

from __future__ import annotations

import base64
import binascii
import math
import operator
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from acquisition.errors import ProtocolError
from acquisition.protocols import Seed
from acquisition.settings import Column, Settings
from acquisition.sources.list_rows import URL_LIKE, Row, Table

Algorithm = Literal["md5", "sha1", "sha256"]

GUESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "url": (
        "url", "image_url", "img_url", "media_url", "audio_url", "video_url", "originalurl", "coco_url", "uri", "link", "href",
    ),
    "text": ("text", "caption", "alt", "alt_text", "alt-text", "description", "raw_caption", "top_caption", "title"),
    "license": ("license", "licence", "license_url", "rights"),
    "author": ("author", "creator", "credit"),
    "md5": ("md5",),
    "sha1": ("sha1",),
    "sha256": ("sha256",),
}  # fmt: skip
"""Names that a column goes by, in any case, the likeliest first."""
_HEX: Final[Mapping[str, int]] = {"md5": 32, "sha1": 40, "sha256": 64}
_ROLES: Final = ("url", "text", "label", "license", "author", "size", "width", "height")
_RESERVED: Final = frozenset({"caption", "label", "license", "author", "fields", "signals", "unreadable"})
_LONGEST_URL: Final = 16_384
_LONGEST_TEXT: Final = 100_000


class HashColumn(Settings):
    """A column that holds the digest of each file's bytes as they come, before anything is changed."""

    column: Column
    type: Algorithm = "sha256"
    """md5, sha1 or sha256; written as hexadecimal digits or base64."""


class ListColumns(Settings):
    """Which column is what. A name fits in any case; a list without a header is declared by positions from 0."""

    url: Column | None = None
    """The address. Left out: url, image_url… in any case; without a header, the column that holds addresses."""
    text: Column | None = None
    """The caption. Left out: text, caption… in any case; without a header, the other one of two columns."""
    label: Column | None = None
    license: Column | None = None
    """Each file's own license. Left out: license, licence… in any case. Without one, nothing is known of a file's license."""
    author: Column | None = None
    hash: HashColumn | Literal[False] | None = None
    """What the bytes must be. Left out: a column called md5, sha1 or sha256; false: none is compared."""
    size: Column | None = None
    """Bytes that each file must have. Compared only when it is declared, as width and height are."""
    width: Column | None = None
    height: Column | None = None
    keep: tuple[Column, ...] = ()
    """Columns that are kept beside the sample."""


class ListSelect(Settings):
    """Which rows are taken. Left out: all."""

    limit: int | None = Field(default=None, ge=1)
    """At most this many rows: the first ones, or with `seed` a sample in which every row has the same chance."""
    seed: int | None = None
    where: str = Field(default="", max_length=500, examples=["punsafe < 0.1 and similarity >= 0.3"])
    """Comparisons of a column with a number or a quoted text, joined by `and`; an empty cell fits none."""

    @field_validator("where")
    @classmethod
    def _is_understood(cls, where: str) -> str:
        comparisons(where)
        return where

    @model_validator(mode="after")
    def _seed_has_a_limit(self) -> ListSelect:
        if self.seed is not None and self.limit is None:
            raise ValueError("`seed` draws a sample, and `limit` must say how large")
        return self


# --- where ----------------------------------------------------------------------------------------------------------------

Compare: TypeAlias = Callable[[Any, Any], bool]
_OPERATORS: Final[Mapping[str, Compare]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "==": operator.eq,
    "!=": operator.ne,
}  # fmt: skip
_COMPARISON: Final = re.compile(
    r"\s*([A-Za-z_0-9][\w.-]*)\s*(<=|>=|==|!=|<|>|=)\s*(?:(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|'([^']*)'|\"([^\"]*)\")\s*"
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a column with a number or a text."""

    column: str
    compare: Compare
    value: float | str

    def fits(self, cell: Any) -> bool:
        """Say whether a cell fits; an empty one, and one that is no number where a number is asked for, does not."""
        if cell is None or cell == "":
            return False
        if isinstance(self.value, str):
            return self.compare(str(cell), self.value)
        try:
            return self.compare(float(cell), self.value)
        except (TypeError, ValueError):
            return False


def comparisons(where: str) -> tuple[Comparison, ...]:
    """Return the comparisons of a condition; ValueError shows where it is not understood."""
    found: list[Comparison] = []
    place = 0
    while where.strip() and (place < len(where) or not found):
        match = _COMPARISON.match(where, place)
        if match is None:
            raise ValueError(
                f"{where[place:]!r} is not understood; write comparisons such as \"punsafe < 0.1 and lang = 'en'\""
            )
        number, text = match[3], match[4] if match[4] is not None else match[5]
        found.append(Comparison(match[1], _OPERATORS[match[2]], float(number) if number is not None else text))
        place = match.end()
        joined = re.compile(r"and\b", re.IGNORECASE).match(where, place)
        if place < len(where) and joined is None:
            raise ValueError(f"{where[place:]!r} is not understood; comparisons are joined by `and`")
        place = joined.end() if joined else place
        if joined and not where[place:].strip():
            raise ValueError("a comparison is missing behind the last `and`")
    return tuple(found)


# --- columns --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything stands in the rows that are read: `wanted` are the table's columns, `at` the places among those."""

    wanted: tuple[int, ...]
    at: Mapping[str, int]
    algorithm: str
    keep: tuple[tuple[str, int], ...]
    where: tuple[tuple[Comparison, int], ...]


def plan_of(table: Table, columns: ListColumns, select: ListSelect, *, shown: str) -> Plan:
    """Return which columns are read for what; ProtocolError names the columns that there are when one is missing."""
    chosen = _chosen(table, columns, shown)
    algorithm = ""
    if isinstance(columns.hash, HashColumn):
        algorithm = columns.hash.type
    elif columns.hash is None:
        algorithm = next((name for name in _HEX if name in chosen), "")
    roles = {role: index for role, index in chosen.items() if role not in _HEX}
    if algorithm:
        roles["hash"] = chosen.get(algorithm, chosen.get("hash", -1))
    keep = [(table.names[index], index) for index in (_found(table, column, shown) for column in columns.keep)]
    where = [(one, _found(table, one.column, shown)) for one in comparisons(select.where)]
    wanted = tuple(dict.fromkeys([*roles.values(), *(index for _, index in keep), *(index for _, index in where)]))
    place = {index: number for number, index in enumerate(wanted)}
    return Plan(
        wanted,
        {role: place[index] for role, index in roles.items()},
        algorithm,
        tuple((name, place[index]) for name, index in keep),
        tuple((one, place[index]) for one, index in where),
    )


def _chosen(table: Table, columns: ListColumns, shown: str) -> dict[str, int]:
    """Return the column of each role, declared ones before guessed ones."""
    declared = {
        role: getattr(columns, role) for role in ("url", "text", "label", "license", "author", "size", "width", "height")
    }
    chosen = {role: _found(table, column, shown) for role, column in declared.items() if column is not None}
    if isinstance(columns.hash, HashColumn):
        chosen["hash"] = _found(table, columns.hash.column, shown)
    guesses = GUESSES if columns.hash is None else {role: names for role, names in GUESSES.items() if role not in _HEX}
    lower = {name.strip().lower(): index for index, name in reversed(list(enumerate(table.names)))}
    for role, names in guesses.items() if table.headed else ():
        if role not in chosen and (guess := next((lower[name] for name in names if name in lower), None)) is not None:
            chosen[role] = guess
    if not table.headed:
        _by_looks(table, chosen)
    if "url" not in chosen:
        raise ProtocolError(
            f"no column of {shown} is called url or the like; it has: {_names(table)}",
            where=shown,
            hint="Say which one holds the addresses: `columns: {url: …}`.",
        )
    return chosen


def _by_looks(table: Table, chosen: dict[str, int]) -> None:
    """Without a header: the address is the first cell that looks like one, and of two columns the other is the caption."""
    addresses = [index for index, cell in enumerate(table.sample) if URL_LIKE.match(cell.strip()) or cell == "http://"]
    if addresses:
        chosen.setdefault("url", addresses[0])
    if "text" not in chosen and len(table.names) == 2 and "url" in chosen:
        chosen["text"] = 1 - chosen["url"]


def _found(table: Table, column: Column, shown: str) -> int:
    """Return a declared column's index: a position, the very name, or the only name that differs in case alone."""
    if isinstance(column, int):
        if 0 <= column < len(table.names):
            return column
    elif column in table.names:
        return table.names.index(column)
    else:
        alike = [index for index, name in enumerate(table.names) if name.lower() == column.lower()]
        if len(alike) == 1:
            return alike[0]
    what = f"position {column} (counted from 0)" if isinstance(column, int) else repr(column)
    raise ProtocolError(f"{shown} has no column {what}; it has: {_names(table)}", where=shown, hint="Correct `columns`.")


def _names(table: Table) -> str:
    if not table.headed:
        return f"{len(table.names)} columns without names, so positions 0 to {len(table.names) - 1} can be declared"
    return ", ".join(table.names[:40]) + ("…" if len(table.names) > 40 else "")


# --- rows → seeds ---------------------------------------------------------------------------------------------------------


def selected(rows: Callable[[], Iterator[tuple[str, Plan, Row]]], select: ListSelect) -> Iterator[tuple[str, Plan, Row]]:
    """Return the rows that are taken, in their order. A row that cannot be read fits every condition: it is told, not hidden.

    With a seed, each row is taken with the chance that is left (selection sampling, Knuth, TAOCP 3.4.2, algorithm S): the rows
    are counted first and read twice, and nothing of them is held.
    """
    fitting = (row for row in rows() if _fits(row))
    if select.limit is None:
        yield from fitting
        return
    if select.seed is None:
        for _, row in zip(range(select.limit), fitting, strict=False):
            yield row
        return
    left = sum(1 for _ in fitting)
    needed, chance = min(select.limit, left), random.Random(select.seed)  # noqa: S311  # a sample, no secret
    for row in (row for row in rows() if _fits(row)):
        if needed and chance.random() * left < needed:
            needed -= 1
            yield row
        left -= 1


def _fits(row: tuple[str, Plan, Row]) -> bool:
    _, plan, cells = row
    return isinstance(cells, str) or all(one.fits(cells[place]) for one, place in plan.where)


def seed_of(reason: str, plan: Plan, row: Row) -> Seed:
    """Return a row as a seed. What cannot be read has no URL and says why under `unreadable`; the crawl counts and names it."""
    if isinstance(row, str):
        return Seed("", reason, {"unreadable": row})
    url = _text(row[plan.at["url"]])[:_LONGEST_URL]
    expect, problem = _expected(plan, row)
    if problem or "\ufffd" in url:
        problem = problem or "its address is not UTF-8 (declare read.encoding)"
        return Seed("", reason, {"unreadable": problem})
    fields: dict[str, Any] = {}
    for role, name in (("text", "caption"), ("label", "label"), ("license", "license"), ("author", "author")):
        if role in plan.at and (text := _text(row[plan.at[role]])):
            fields[name] = text
    more = {name: value for name, place in plan.keep if (value := _plain(row[place])) is not None}
    fields |= {name: value for name, value in more.items() if name not in _RESERVED}
    if clashing := {name: value for name, value in more.items() if name in _RESERVED}:
        fields["fields"] = clashing
    return Seed(url, reason, fields, expect)


def _expected(plan: Plan, row: Sequence[Any]) -> tuple[dict[str, Any], str]:
    """Return what the bytes must be, and what is wrong with the row's own words on it ("" when nothing is)."""
    expect: dict[str, Any] = {}
    for role in ("size", "width", "height"):
        cell = row[plan.at[role]] if role in plan.at else None
        if cell is None or cell == "":
            continue
        try:
            expect[role] = int(float(cell))
        except (TypeError, ValueError, OverflowError):
            return {}, f"its {role} is {str(cell)[:50]!r}, which is no number"
    if plan.algorithm and (written := _text(row[plan.at["hash"]])):
        digest = _digest(written, _HEX[plan.algorithm])
        if not digest:
            return {}, f"its {plan.algorithm} is {written[:80]!r}, which is no {plan.algorithm}"
        expect[plan.algorithm] = digest
    return expect, ""


def _digest(written: str, digits: int) -> str:
    """Return a digest in lower-case hexadecimal, written so or in base64 (Open Images); "" when it is neither."""
    plain = written.lower()
    if re.fullmatch(rf"[0-9a-f]{{{digits}}}", plain, re.ASCII):
        return plain
    try:
        raw = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if 2 * len(raw) == digits else ""


def _text(value: Any) -> str:
    """Return a cell as text without the space around it; bytes that did not decode are marked with U+FFFD."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    text = (value if isinstance(value, str) else str(value)).strip()[:_LONGEST_TEXT]
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """Return a kept cell as JSON has it; None for an empty one."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value[:1_000]]
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return _text(value) or None
