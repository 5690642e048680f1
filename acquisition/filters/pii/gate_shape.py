"""What every match of a regular expression fulfils: its width, how far it looks around, and the classes it is made of.

The tree comes from the parser of the standard library's `re`, whose language is a part of `regex`'s. What that parser does not
read, or `regex` might read otherwise (fuzzy matching, nested sets, its own flags), has no shape, and its owner always runs.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import regex

from acquisition.filters.pii.gate_alphabet import Atom

_KNOWN_FLAGS: Final = regex.I | regex.M | regex.S | regex.X | regex.U
_KEPT_FLAGS: Final = regex.I | regex.S
_SHARED_FLAGS: Final = ((re.IGNORECASE, regex.I), (re.MULTILINE, regex.M), (re.DOTALL, regex.S), (re.VERBOSE, regex.X))
_ASCII: Final = 128
_LAST_POINT: Final = 0x10FFFF
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_LATE_FLAG: Final = re.compile(r"(?<!\\)\(\?i\)")


class NoShape(ValueError):
    """The expression uses something that is not understood well enough to promise anything about it."""


@dataclass(frozen=True, slots=True)
class Seq:
    """Nodes one after the other."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """One of several nodes."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Rep:
    """A node several times; `most` None: without end."""

    node: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """A look-around; it takes no width."""

    node: Node
    ahead: bool
    wanted: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """A place without width: a word boundary, or another (start, end, not a boundary)."""

    boundary: bool


Node = Atom | Seq | Alt | Rep | Look | Edge


@dataclass(frozen=True, slots=True)
class Shape:
    """An expression's tree and its measures, in characters; None: without bound."""

    tree: Node
    least: int
    most: int | None
    before: int | None
    after: int | None
    made_of: tuple[Atom, ...]
    """The classes whose characters a match consists of."""

    def atoms(self) -> Iterator[Atom]:
        """Yield every class in the tree, those of look-arounds too."""
        return _atoms(self.tree, looks=True)


def shape_of(source: str, flags: int) -> Shape:
    """Return the shape of an expression as `regex` compiles it with these flags.

    Raises:
        NoShape: when nothing can be promised.
    """
    if flags & ~_KNOWN_FLAGS:
        raise NoShape("flags")
    tree = _Reader().sequence(_parse(source, flags), flags & _KEPT_FLAGS)
    least, most = _width(tree)
    before, after = _context(tree)
    return Shape(tree, least, most, before, after, tuple(dict.fromkeys(_atoms(tree, looks=False))))


def _parse(source: str, flags: int) -> Any:
    parser = importlib.import_module("re._parser")
    known = sum(theirs for theirs, ours in _SHARED_FLAGS if flags & ours)
    late = _LATE_FLAG.search(source)
    if late and late.start() and flags & regex.I and "[" not in source[: late.start()]:
        source = _LATE_FLAG.sub("", source, count=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            tree = parser.parse(source, known)
        except (re.error, Warning, OverflowError, RecursionError) as error:
            raise NoShape(str(error)) from error
    if tree.state.flags & ~(re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE | re.UNICODE):
        raise NoShape("flags inside")
    if tree.state.flags & re.IGNORECASE and not flags & regex.I:
        return _Cased(tree)
    return tree


@dataclass(frozen=True, slots=True)
class _Cased:
    """A tree whose source says (?i) in front."""

    tree: Any


class _Reader:
    """Turns the standard library's tree into ours; groups are kept for the references to them."""

    def __init__(self) -> None:
        self._groups: dict[int, tuple[Node, int]] = {}

    def sequence(self, tree: Any, flags: int) -> Node:
        if isinstance(tree, _Cased):
            return self.sequence(tree.tree, flags | regex.I)
        return Seq(tuple(self._node(str(kind), value, flags) for kind, value in tree))

    def _node(self, kind: str, value: Any, flags: int) -> Node:
        if kind in ("LITERAL", "NOT_LITERAL"):
            if kind == "LITERAL" and value == ord("{"):
                raise NoShape("a brace, which may be fuzzy matching")
            plain = kind == "LITERAL" and value < _ASCII
            edges = _edges([(value, value)], flags)
            return Atom(f"[{'^' * (kind == 'NOT_LITERAL')}{_escape(value)}]", flags & regex.I, plain, edges)
        reader: dict[str, Callable[[Any, int], Node]] = {
            "ANY": lambda _value, at: Atom(r"[\s\S]" if at & regex.S else r"[^\n]", edges=()),
            "IN": _class_of,
            "BRANCH": lambda branches, at: Alt(tuple(self.sequence(branch, at) for branch in branches[1])),
            "SUBPATTERN": self._group,
            "ATOMIC_GROUP": self.sequence,
            "MAX_REPEAT": self._repeat,
            "MIN_REPEAT": self._repeat,
            "POSSESSIVE_REPEAT": self._repeat,
            "GROUPREF": self._reference,
            "ASSERT": lambda look, at: Look(self.sequence(look[1], at), look[0] > 0, True),
            "ASSERT_NOT": lambda look, at: Look(self.sequence(look[1], at), look[0] > 0, False),
            "AT": lambda place, _at: Edge(str(place) == "AT_BOUNDARY"),
        }
        if kind not in reader:
            raise NoShape(kind)
        return reader[kind](value, flags)

    def _group(self, value: Any, flags: int) -> Node:
        number, added, removed, tree = value
        if (added | removed) & ~(re.IGNORECASE | re.DOTALL | re.MULTILINE):
            raise NoShape("flags of a group")
        inside = flags
        for theirs, ours in ((re.IGNORECASE, regex.I), (re.DOTALL, regex.S)):
            inside = (inside | ours) if added & theirs else inside
            inside = (inside & ~ours) if removed & theirs else inside
        node = self.sequence(tree, inside)
        if number is not None:
            self._groups[number] = (node, inside)
        return node

    def _repeat(self, value: Any, flags: int) -> Node:
        least, most, tree = value
        return Rep(self.sequence(tree, flags), int(least), None if str(most) == "MAXREPEAT" else int(most))

    def _reference(self, number: int, flags: int) -> Node:
        """What a group matched, matches the group again; under IGNORECASE only if the group itself was read so."""
        node, inside = self._groups.get(number, (None, 0))
        if node is None or inside & regex.I != flags & regex.I:
            raise NoShape("a reference")
        return node


def _escape(point: int) -> str:
    return f"\\U{point:08x}"


def _class_of(items: Any, flags: int) -> Atom:
    parts = []
    spans: list[tuple[int, int]] = []
    plain = True
    for kind, value in items:
        if str(kind) == "NEGATE":
            parts.append("^")
            plain = False
        elif str(kind) == "LITERAL":
            parts.append(_escape(value))
            spans.append((value, value))
        elif str(kind) == "RANGE":
            parts.append(f"{_escape(value[0])}-{_escape(value[1])}")
            spans.append(value)
        elif str(value) in _CATEGORIES:
            parts.append(_CATEGORIES[str(value)])
            plain = False
        else:
            raise NoShape(f"{kind} in a class")
    plain = plain and all(last < _ASCII for _, last in spans)
    return Atom(f"[{''.join(parts)}]", flags & regex.I, plain, _edges(spans, flags))


def _edges(spans: Sequence[tuple[int, int]], flags: int) -> tuple[int, ...] | None:
    """Return where characters of these spans begin and end; under IGNORECASE other cases may be anywhere."""
    if flags & regex.I and any(last >= _ASCII for _, last in spans):
        return None
    return tuple(sorted({edge for first, last in spans for edge in (first, last + 1) if edge <= _LAST_POINT}))


def _atoms(node: Node, *, looks: bool) -> Iterator[Atom]:
    if isinstance(node, Atom):
        yield node
    elif isinstance(node, Seq | Alt):
        for part in node.nodes:
            yield from _atoms(part, looks=looks)
    elif isinstance(node, Rep) or (isinstance(node, Look) and looks):
        yield from _atoms(node.node, looks=looks)


def _width(node: Node) -> tuple[int, int | None]:
    if isinstance(node, Atom):
        return 1, 1
    if isinstance(node, Look | Edge):
        return 0, 0
    if isinstance(node, Rep):
        least, most = _width(node.node)
        if most == 0:
            return 0, 0
        return least * node.least, None if most is None or node.most is None else most * node.most
    widths = [_width(part) for part in node.nodes]
    mosts = [most for _, most in widths if most is not None]
    bounded = len(mosts) == len(widths)
    if isinstance(node, Seq):
        return sum(least for least, _ in widths), sum(mosts) if bounded else None
    return min(least for least, _ in widths), max(mosts) if bounded else None


def _context(node: Node) -> tuple[int | None, int | None]:
    """Return how far before its start and behind its end a match may look.

    Every look-around is taken to stand at both ends at once, and nested ones to add up, which is more than they can see.
    """
    if isinstance(node, Atom):
        return 0, 0
    if isinstance(node, Edge):
        return 1, 2
    if isinstance(node, Seq | Alt):
        inner = [_context(part) for part in node.nodes]
        return _furthest(before for before, _ in inner), _furthest(after for _, after in inner)
    before, after = _context(node.node)
    if isinstance(node, Rep):
        return before, after
    most = _width(node.node)[1]
    if node.ahead:
        return before, None if after is None or most is None else after + most
    return None if before is None or most is None else before + most, after


def _furthest(reaches: Iterator[int | None]) -> int | None:
    found = list(reaches)
    return None if None in found else max((reach for reach in found if reach is not None), default=0)
