"""From the shape of a pattern to a byte expression that every one of its matches fulfils.

The expression is weaker than the pattern (look-arounds fall away, repeats at its ends shrink to their least), never stronger:
wherever the pattern matches [start, end), the expression matches somewhere, and `anchor` bytes before the end of that match
lies a character of [start, end). A boundary at the very start or end is kept, where that is exact, by reading the neighbour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from acquisition.filters.pii.gate_alphabet import Alphabet, Atom
from acquisition.filters.pii.gate_shape import Alt, Edge, Look, Node, NoShape, Rep, Seq, Shape

WORD: Final = Atom(r"\w", edges=())
SEPARATOR: Final = 0x0A
"""Stands between two texts of one scan; every neighbour that is read may be it."""

_MANY: Final = 16
"""From so many words on, an alternative is written as a tree."""
_LONG: Final = 64
"""A repeat that may be longer counts as endless: counting further costs the automaton more than it saves."""
_EVERYTHING: Final = frozenset(range(256))


@dataclass(frozen=True, slots=True)
class Gate:
    """A necessary condition over symbols; see the module."""

    expression: str
    anchor: int


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    least: int


def gate_of(shape: Shape, alphabet: Alphabet) -> Gate:
    """Return the gate of a pattern.

    Raises:
        NoShape: when the pattern may match nothing at all, so that no text can be ruled out.
    """
    piece = _Writer(alphabet, edges=True).piece(shape.tree, True, True)
    if piece.least < 2:
        # Then the last character of the match may be the neighbour's neighbour; edges are left out.
        piece = _Writer(alphabet, edges=False).piece(shape.tree, True, True)
    if piece.least < 1:
        raise NoShape("may be empty")
    return Gate(piece.text, 2 if piece.least >= 2 else 1)


class _Writer:
    def __init__(self, alphabet: Alphabet, *, edges: bool) -> None:
        self._alphabet = alphabet
        self._edges = edges

    def piece(self, node: Node, head: bool, tail: bool) -> _Piece:
        """Write a node that stands at the start (`head`) or end (`tail`) of the whole expression, or inside it."""
        if isinstance(node, Atom):
            return _Piece(_class(self._alphabet.symbols(node)), 1)
        if isinstance(node, Look | Edge):
            return _Piece("", 0)
        if isinstance(node, Alt):
            words = _words_of(node)
            if words:
                return self._words([[self._alphabet.symbols(letter) for letter in word] for word in words], tail)
            pieces = [self.piece(part, head, tail) for part in node.nodes]
            return _Piece(f"(?:{'|'.join(piece.text for piece in pieces)})", min(piece.least for piece in pieces))
        if isinstance(node, Rep):
            return self._repeat(node, head, tail)
        return self._sequence(list(node.nodes), head, tail)

    def _repeat(self, node: Rep, head: bool, tail: bool) -> _Piece:
        most = node.least if head or tail else node.most
        if most is not None and most > _LONG:
            most = None
        if most == 0:
            return _Piece("", 0)
        if node.least == most == 1:
            return self.piece(node.node, head, tail)
        inner = self.piece(node.node, False, False)
        if not inner.text:
            return inner
        count = f"{{{node.least},{'' if most is None else most}}}"
        return _Piece(f"(?:{inner.text}){count}", inner.least * node.least)

    def _words(self, words: list[list[frozenset[int]]], tail: bool) -> _Piece:
        """Write many words as a tree of their beginnings; at the tail a word that begins another stands for both."""
        branches: dict[frozenset[int], list[list[frozenset[int]]]] = {}
        for word in words:
            branches.setdefault(word[0], []).append(word[1:])
        least = min(len(word) for word in words)
        texts = []
        for letter, rests in branches.items():
            whole = any(not rest for rest in rests)
            longer = [] if whole and tail else [rest for rest in rests if rest]
            rest = self._words(longer, tail).text if longer else ""
            texts.append(f"{_class(letter)}{rest}{'?' if whole and rest else ''}")
        return _Piece(f"(?:{'|'.join(texts)})", least)

    def _sequence(self, nodes: list[Node], head: bool, tail: bool) -> _Piece:
        nodes = _cut(_flat(nodes)) if tail else nodes
        before, nodes, head = self._end(nodes, head, self._leading)
        after, nodes, tail = self._end(nodes, tail, self._trailing)
        places = [place for place, node in enumerate(nodes) if _consumes(node)]
        first, last = (places[0], places[-1]) if places else (-1, -1)
        pieces = [
            self.piece(node, head and place == first, tail and place == last)
            for place, node in enumerate(nodes)
            if _consumes(node)
        ]
        inner = "".join(piece.text for piece in pieces)
        return _Piece(f"{before}{inner}{after}", sum(piece.least for piece in pieces))

    def _end(
        self, nodes: list[Node], open_end: bool, read: Callable[[list[Node]], tuple[str, list[Node], bool]]
    ) -> tuple[str, list[Node], bool]:
        return read(nodes) if open_end else ("", nodes, False)

    def _leading(self, nodes: list[Node]) -> tuple[str, list[Node], bool]:
        """Read what stands before the first character: the neighbour's text, the nodes left, and whether the end is open."""
        while True:
            place = next((place for place, node in enumerate(nodes) if _consumes(node)), len(nodes))
            neighbour = self._neighbour(nodes[:place], nodes[place:], ahead=False)
            if neighbour is not None:
                return f"(?:^|{_class(neighbour)})", nodes[place:], False
            if place == len(nodes) or not _may_be_empty(nodes[place]):
                return self._said_before(nodes[:place]), nodes[place:], True
            nodes = nodes[place + 1 :]

    def _trailing(self, nodes: list[Node]) -> tuple[str, list[Node], bool]:
        while True:
            place = next((place for place in range(len(nodes), 0, -1) if _consumes(nodes[place - 1])), 0)
            neighbour = self._neighbour(nodes[place:], nodes[:place][::-1], ahead=True)
            if neighbour is not None:
                return rf"(?:\z|{_class(neighbour)})", nodes[:place], False
            if place == 0 or not _may_be_empty(nodes[place - 1]):
                return "", nodes[:place], True
            nodes = nodes[: place - 1]

    def _said_before(self, places: list[Node]) -> str:
        """A positive look-behind is text that stands before the match."""
        wanted = [node for node in places if isinstance(node, Look) and node.wanted and not node.ahead]
        return self.piece(wanted[0].node, False, False).text if len(wanted) == 1 else ""

    def _neighbour(self, places: list[Node], inside: list[Node], *, ahead: bool) -> frozenset[int] | None:
        """Return the symbols that may stand beside the match, as far as the places without width say so exactly."""
        allowed = _EVERYTHING
        if not self._edges:
            return None
        word = self._alphabet.symbols(WORD)
        for node in places:
            if isinstance(node, Edge) and node.boundary:
                first = self._first(inside, ahead=ahead)
                if first is not None and first <= word:
                    allowed -= word
                elif first is not None and first.isdisjoint(word):
                    # Also the separator: a boundary may not be at the end of a text here, but more is allowed than can be.
                    allowed &= word
            elif isinstance(node, Look) and node.ahead == ahead and not node.wanted:
                single = _single(node.node)
                if single is not None:
                    allowed -= self._alphabet.symbols(single)
        return None if allowed == _EVERYTHING else allowed | {SEPARATOR}

    def _first(self, nodes: list[Node], *, ahead: bool) -> frozenset[int] | None:
        """Return the symbols with which a sequence may begin (read from its end when `ahead`); None when it may be empty."""
        found: frozenset[int] = frozenset()
        for node in nodes:
            if not _consumes(node):
                continue
            found |= self._first_of(node, ahead=ahead)
            if not _may_be_empty(node):
                return found
        return None

    def _first_of(self, node: Node, *, ahead: bool) -> frozenset[int]:
        if isinstance(node, Atom):
            return self._alphabet.symbols(node)
        if isinstance(node, Alt):
            return frozenset().union(*(self._first_of(part, ahead=ahead) for part in node.nodes))
        if isinstance(node, Rep):
            return self._first_of(node.node, ahead=ahead)
        if isinstance(node, Seq):
            found: frozenset[int] = frozenset()
            for part in node.nodes[::-1] if ahead else node.nodes:
                found |= self._first_of(part, ahead=ahead)
                if _consumes(part) and not _may_be_empty(part):
                    break
            return found
        return frozenset()


def _flat(nodes: list[Node]) -> list[Node]:
    return [part for node in nodes for part in (_flat(list(node.nodes)) if isinstance(node, Seq) else [node])]


def _cut(nodes: list[Node]) -> list[Node]:
    """End a sequence behind its first long list of words: what follows would cost the automaton more than it tells."""
    place = next((place for place, node in enumerate(nodes) if isinstance(node, Alt) and _words_of(node)), len(nodes))
    return nodes[: place + 1]


def _words_of(node: Alt) -> list[list[Atom]]:
    """Return the words of an alternative that is a long list of words; else nothing."""
    words = [_letters(part) for part in node.nodes] if len(node.nodes) >= _MANY else []
    return words if all(words) else []


def _letters(node: Node) -> list[Atom]:
    """Return the classes of a node that is nothing but one class after the other; else nothing."""
    if isinstance(node, Atom):
        return [node]
    if isinstance(node, Seq):
        parts = [_letters(part) for part in node.nodes]
        return [letter for part in parts for letter in part] if all(parts) else []
    return []


def _single(node: Node) -> Atom | None:
    """Return the class of a node that is one character, whatever it is wrapped in."""
    while isinstance(node, Seq | Alt) and len(node.nodes) == 1:
        node = node.nodes[0]
    return node if isinstance(node, Atom) else None


def _consumes(node: Node) -> bool:
    if isinstance(node, Seq | Alt):
        return any(_consumes(part) for part in node.nodes)
    if isinstance(node, Rep):
        return node.most != 0 and _consumes(node.node)
    return isinstance(node, Atom)


def _may_be_empty(node: Node) -> bool:
    if isinstance(node, Atom):
        return False
    if isinstance(node, Seq):
        return all(_may_be_empty(part) for part in node.nodes)
    if isinstance(node, Alt):
        return any(_may_be_empty(part) for part in node.nodes)
    return not isinstance(node, Rep) or node.least == 0 or _may_be_empty(node.node)


def _class(symbols: frozenset[int]) -> str:
    if not symbols:
        raise NoShape("a class without members")
    if symbols == _EVERYTHING:
        return r"[\x00-\xff]"
    ordered = sorted(symbols)
    runs = [[ordered[0], ordered[0]]]
    for symbol in ordered[1:]:
        if symbol == runs[-1][1] + 1:
            runs[-1][1] = symbol
        else:
            runs.append([symbol, symbol])
    return "[" + "".join(rf"\x{a:02x}" if a == b else rf"\x{a:02x}-\x{b:02x}" for a, b in runs) + "]"
