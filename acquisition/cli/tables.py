"""Tables and sentences that fit the terminal. What does not fit is never dropped in silence: it is said what is missing."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from acquisition.cli.output import table

PLAIN: Final = 140
"""Columns where no terminal is: files and pipes are read later, by people and by `grep`."""
KEPT: Final = "\N{NO-BREAK SPACE}"
"""Stands between words that stay on one line."""
_LEAST: Final = 60


def columns() -> int:
    """Return how many columns there are to write in."""
    try:
        return max(_LEAST, os.get_terminal_size(sys.stdout.fileno()).columns) if sys.stdout.isatty() else PLAIN
    except (OSError, ValueError, AttributeError):
        return PLAIN


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """Return a text as lines of at most this width; `first` begins the first of them, `rest` the others.

    Nothing is broken within a word or at a no-break space, which is printed as a plain one.
    """
    lines = textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(KEPT, " ") for line in lines] or [first.rstrip()]


def fitted(
    rows: Iterable[Sequence[str]],
    header: Sequence[str],
    width: int,
    *,
    right: frozenset[str] = frozenset(),
    spare: Sequence[str],
) -> list[str]:
    """Return a table, without the columns of `spare` (in that order) that have no room, and a line that names those."""
    body = [tuple(row) for row in rows]
    shown, left_out = list(header), list[str]()
    while True:
        places = [header.index(name) for name in shown]
        aligned = frozenset(place for place, name in enumerate(shown) if name in right)
        lines = table([[row[place] for place in places] for row in body], shown, right=aligned).split("\n")
        following = next((name for name in spare if name in shown), None)
        if following is None or max(map(len, lines)) <= width:
            break
        shown.remove(following)
        left_out.append(following)
    return lines + ([f"(no room for: {', '.join(left_out)}; --json has them)"] if left_out else [])


def hung(rows: Iterable[Sequence[str]], header: Sequence[str], width: int, *, right: frozenset[str] = frozenset()) -> list[str]:
    """Return a table whose last column is a sentence that goes on below itself where it has no room."""
    body = [tuple(row) for row in rows]
    head = table([row[:-1] for row in body], header[:-1], right=frozenset(header.index(name) for name in right)).split("\n")
    indent = max(map(len, head)) + 2
    room = max(width, indent + 20)
    lines = [f"{head[0]:<{indent}}{header[-1]}".rstrip()]
    for told, row in zip(head[1:], body, strict=True):
        lines += wrapped(row[-1], room, first=f"{told:<{indent}}", rest=" " * indent) if row[-1] else [told.rstrip()]
    return lines


def some(parts: Sequence[str], room: int, *, joint: str = "; ") -> str:
    """Return as many parts as fit in one line, at least one, and how many more there are."""
    shown = list(parts[:1])
    for part in parts[1:]:
        more = len(parts) - len(shown) - 1
        if len(joint.join([*shown, part])) + (len(f"{joint}+{more} more") if more else 0) > room:
            break
        shown.append(part)
    rest = len(parts) - len(shown)
    return joint.join(shown) + (f"{joint}+{rest} more" if rest else "")
