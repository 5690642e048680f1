"""YAML → a tree that knows where everything stands.

A safe subset of YAML 1.2: one document; mappings, lists and scalars; plain anchors, aliases and `<<`. No tags of any kind.
Only `true` and `false` are booleans (`yes`, `no`, `on` and `off` stay texts), only decimal, 0o and 0x numbers are numbers,
dates stay texts, and a key is always the text that stands there. Size, depth and the size after expanding aliases are
limited, and nothing is ever constructed: events become nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import yaml

MAX_BYTES: Final = 16_000_000
MAX_DEPTH: Final = 40
MAX_NODES: Final = 500_000
"""Nodes after aliases are expanded."""

_MERGE: Final = "<<"
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"[-+]?[0-9]{1,30}", re.ASCII)
_PREFIXED: Final = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]{1,300}(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, both counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Node:
    """One value: a scalar (and its `text` as written), a list of nodes, or a mapping of keys to nodes.

    `weight` counts the node with all that is in it, `depth` its levels.
    """

    place: Place
    kind: Literal["scalar", "list", "mapping"]
    scalar: Scalar = None
    text: str = ""
    items: list[Node] = field(default_factory=list)
    entries: dict[str, tuple[Place, Node]] = field(default_factory=dict)
    weight: int = 1
    depth: int = 1

    def plain(self) -> Any:
        """Return the value as dicts, lists and scalars."""
        if self.kind == "scalar":
            return self.scalar
        if self.kind == "list":
            return [item.plain() for item in self.items]
        return {key: node.plain() for key, (_, node) in self.entries.items()}

    def walk(self, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Node]]:
        """Yield every node with its path, in the order of the file."""
        yield path, self
        for index, item in enumerate(self.items):
            yield from item.walk((*path, index))
        for key, (_, node) in self.entries.items():
            yield from node.walk((*path, key))

    def follow(self, loc: Sequence[str | int]) -> tuple[tuple[str | int, ...], Node, Place]:
        """Follow a location as far as it exists; return the path that exists, the node there, and the key's place.

        Parts that name no key or index are skipped: validators put the names of alternatives between them.
        """
        node, key_place = self, self.place
        path: list[str | int] = []
        for part in loc:
            if node.kind == "mapping" and isinstance(part, str) and part in node.entries:
                key_place, node = node.entries[part]
                path.append(part)
            elif node.kind == "list" and isinstance(part, int) and 0 <= part < len(node.items):
                node = node.items[part]
                key_place = node.place
                path.append(part)
        return tuple(path), node, key_place


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that the text itself does wrong."""

    code: str
    message: str
    place: Place
    hint: str = ""


class Unreadable(Exception):
    """The text is not YAML that we take; nothing after the fault can be trusted."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read; `key` waits for its value."""

    node: Node
    anchor: str | None
    key: tuple[str, Place] | None = None
    merges: list[tuple[Place, Node]] = field(default_factory=list)


def read(data: bytes) -> tuple[Node, list[Fault]]:
    """Return the tree and the faults that leave it usable (duplicate keys, tags); Unreadable when there is no tree."""
    if len(data) > MAX_BYTES:
        raise Unreadable(Fault("yaml", f"the file has {len(data):,} bytes; {MAX_BYTES:,} are accepted", Place(1, 1)))
    return _Builder().build(_decoded(data))


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        fault = Fault("yaml", "the file is not UTF-8 from here on", place, "Save it with the encoding UTF-8.")
        raise Unreadable(fault) from None


class _Builder:
    """Turns the parser's events into nodes."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.anchors: dict[str, Node | None] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.documents = 0

    def build(self, text: str) -> tuple[Node, list[Fault]]:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            for event in yaml.parse(text, Loader=loader):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            raise Unreadable(_parser_fault(error)) from None
        except yaml.reader.ReaderError as error:
            before = text[: max(0, int(error.position))]
            place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
            raise Unreadable(Fault("yaml", f"this character is not allowed: {error.reason}", place)) from None
        if self.root is None:
            raise Unreadable(Fault("yaml", "the file declares nothing", Place(1, 1), "Run `acquire init` for a first one."))
        return self.root, self.faults

    def _take(self, event: Any) -> None:
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise Unreadable(Fault("yaml", "a second document begins here; one is accepted", place))
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._aliased(str(event.anchor), place), place)
        elif isinstance(event, yaml.ScalarEvent):
            self._check_tag(event, place)
            scalar = _resolved(event.value) if event.implicit[0] else event.value
            node = Node(place, "scalar", scalar, event.value)
            self._name(event.anchor, node)
            self._add(node, place)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._check_tag(event, place)
            kind: Literal["mapping", "list"] = "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
            self._open(Node(place, kind), event.anchor)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close()

    def _check_tag(self, event: Any, place: Place) -> None:
        if event.tag is not None:
            self.faults.append(Fault("yaml-tag", f"tags such as {event.tag!r} are not accepted", place, "Remove the tag."))

    def _open(self, node: Node, anchor: str | None) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise Unreadable(Fault("yaml", f"more than {MAX_DEPTH} levels are nested here", node.place))
        if anchor is not None:
            self.anchors[anchor] = None
        self.stack.append(_Open(node, anchor))

    def _close(self) -> None:
        frame = self.stack.pop()
        for place, merged in frame.merges:
            self._merge(frame.node, merged, place)
        children = [*frame.node.items, *(node for _, node in frame.node.entries.values())]
        frame.node.weight += sum(child.weight for child in children)
        frame.node.depth += max((child.depth for child in children), default=0)
        self._check_size(frame.node)
        self._name(frame.anchor, frame.node)
        self._add(frame.node, frame.node.place)

    def _check_size(self, node: Node) -> None:
        if node.weight > MAX_NODES:
            raise Unreadable(Fault("yaml", f"with its aliases this is more than {MAX_NODES:,} values", node.place))
        if node.depth > MAX_DEPTH:
            raise Unreadable(Fault("yaml", f"with its aliases this is nested more than {MAX_DEPTH} levels deep", node.place))

    def _name(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self.anchors[anchor] = node

    def _aliased(self, anchor: str, place: Place) -> Node:
        if anchor not in self.anchors:
            raise Unreadable(Fault("yaml", f"there is no anchor &{anchor} before this alias", place))
        node = self.anchors[anchor]
        if node is None:
            raise Unreadable(Fault("yaml", f"the alias *{anchor} stands inside its own anchor", place))
        return node

    def _add(self, node: Node, place: Place) -> None:
        """Put a finished node where it belongs: the document, a list, or a mapping's key or value."""
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if frame.node.kind == "list":
            frame.node.items.append(node)
        elif frame.key is None:
            if node.kind != "scalar":
                raise Unreadable(Fault("yaml", "a key must be a plain text, not a list or a mapping", place))
            frame.key = (node.text, place)
        else:
            (name, key_place), frame.key = frame.key, None
            self._enter(frame, name, key_place, node)

    def _enter(self, frame: _Open, name: str, place: Place, node: Node) -> None:
        if name == _MERGE:
            frame.merges.append((place, node))
        elif name in frame.node.entries:
            first = frame.node.entries[name][0]
            message = f"the key `{name}` stands here a second time; the first is in line {first.line}, column {first.column}"
            self.faults.append(Fault("duplicate-key", message, place, "Keep one of the two."))
        else:
            frame.node.entries[name] = (place, node)

    def _merge(self, target: Node, merged: Node, place: Place) -> None:
        """Add the keys of a mapping (or of a list of mappings, the first wins) that the target does not say itself."""
        parts = merged.items if merged.kind == "list" else [merged]
        if any(part.kind != "mapping" for part in parts):
            self.faults.append(Fault("yaml", "<< merges a mapping or a list of mappings; this is neither", place))
            return
        for part in parts:
            for key, entry in part.entries.items():
                target.entries.setdefault(key, entry)


def _parser_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    context = f" ({error.context}, which begins in line {error.context_mark.line + 1})" if error.context_mark else ""
    hint = "Check quotes, brackets, colons and indentation around here; indent with spaces only."
    return Fault("yaml", f"this is not YAML: {error.problem}{context}", place, hint)


def _resolved(text: str) -> Scalar:
    """Return what a scalar without quotes means in the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text)
    if _PREFIXED.fullmatch(text):
        return int(text, base=0)
    # Infinity and not-a-number are texts here: no setting can mean them.
    return float(text) if _FLOAT.fullmatch(text) and abs(float(text)) != float("inf") else text
