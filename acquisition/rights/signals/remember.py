"""Remembers what was made of a site's files, by their bytes: many small files or a few large ones, never many large ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

MAX_ENTRIES: Final = 2_048
MAX_BYTES: Final = 8_000_000
"""Bytes of the files for which answers are kept; what is made of a file may be ten times as large as the file."""

P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[Concatenate[bytes, P], R]) -> Callable[Concatenate[bytes, P], R]:
    """Return the function with a memory for its last answers; further arguments have to be hashable."""
    kept: OrderedDict[tuple[object, ...], R] = OrderedDict()
    held = 0

    def answer(file: bytes, /, *more: P.args, **named: P.kwargs) -> R:
        nonlocal held
        key = (file, *more, *named.items())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
        made = function(file, *more, **named)
        kept[key] = made
        held += len(file)
        while len(kept) > 1 and (len(kept) > MAX_ENTRIES or held > MAX_BYTES):
            (old, *_), _ = kept.popitem(last=False)
            held -= len(old) if isinstance(old, bytes) else 0
        return made

    answer.__doc__ = function.__doc__
    return answer
