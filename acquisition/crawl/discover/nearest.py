"""What selectors find nearest to a file: outward from the element that shows it, and never what belongs to another file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from acquisition.crawl.discover.select import MOST, Selectors

if TYPE_CHECKING:
    from lxml.etree import _Element

    Match: TypeAlias = _Element | str

_DEEPEST: Final = 100
_FURNITURE: Final = frozenset({"header", "footer", "nav"})
"""Parts whose pictures are no content, so that words beside them may speak of the whole page."""


class Nearest:
    """The selectors of one page, each asked once of the whole page, so that one may name parts around the smallest one.

    A match in a branch of the page that holds another file belongs to that file; it is never lent to its neighbours.
    """

    def __init__(self, select: Selectors, root: _Element, files: Iterable[_Element]) -> None:
        self._select = select
        self._root = root
        self._files = Counter(part for file in files if not _is_furniture(file) for part in (file, *file.iterancestors()))
        self._matches: dict[str, tuple[dict[_Element, list[tuple[_Element, Match]]], ...]] = {}

    def found(self, name: str, element: _Element) -> list[Match]:
        """Return what a name finds in the smallest part of the page around an element that holds any of its own."""
        inner: _Element | None = None
        for part, _ in zip((element, *element.iterancestors()), range(_DEEPEST), strict=False):
            for matches in self._of(name):
                if own := [match for owner, match in matches.get(part, ()) if self._is_new(owner, part, inner)]:
                    return own
            inner = part
        return []

    def _of(self, name: str) -> tuple[dict[_Element, list[tuple[_Element, Match]]], ...]:
        """Return for each selector of a name its matches by every part of the page that holds them."""
        if name not in self._matches:
            self._matches[name] = tuple(_by_part(selector(self._root)[:MOST]) for selector in self._select.selectors(name))
        return self._matches[name]

    def _is_new(self, owner: _Element, part: _Element, inner: _Element | None) -> bool:
        """Say whether a match lies in a branch of this part that was not looked at yet and that holds no file."""
        if owner is part:
            return True
        branch = next(one for one in _upwards(owner) if one.getparent() is part)
        return branch is not inner and self._files[branch] <= self._files[owner]


def _by_part(found: Iterable[Match]) -> dict[_Element, list[tuple[_Element, Match]]]:
    parts: dict[_Element, list[tuple[_Element, Match]]] = {}
    for match in found:
        if (owner := _owner(match)) is not None:
            for part, _ in zip(_upwards(owner), range(_DEEPEST), strict=False):
                parts.setdefault(part, []).append((owner, match))
    return parts


def _owner(match: Match) -> _Element | None:
    """Return the element that a match is, or that its text or attribute stands in."""
    if not isinstance(match, str):
        return match
    parent: _Element | None = match.getparent()  # type: ignore[attr-defined]  # lxml's texts know where they stand
    return parent.getparent() if parent is not None and match.is_tail else parent  # type: ignore[attr-defined]


def _upwards(element: _Element) -> Iterator[_Element]:
    yield element
    yield from element.iterancestors()


def _is_furniture(element: _Element) -> bool:
    return any(one.tag in _FURNITURE for one in _upwards(element))
