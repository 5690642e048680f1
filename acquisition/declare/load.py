"""sources.yaml → Declaration, with every problem at once and its place."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, create_model

from acquisition import plugins
from acquisition.declare.document import Fault, Node, Place, Unreadable, read
from acquisition.declare.findings import validated
from acquisition.declare.nearest import did_you_mean, listed
from acquisition.errors import DeclarationError, PluginError, Problem
from acquisition.protocols import Source
from acquisition.settings import Declaration, FilterSettings, SourceSettings

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BY_PLUGIN: Final = frozenset({"sources", "filters"})


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration that was accepted.

    `sources` are in declared order. `digest` is the sha256 of what the file says, whatever its layout, comments, anchors
    and the order of its keys (the order of the sources counts); variables are in it as written, not as expanded.
    """

    declaration: Declaration
    sources: tuple[Source, ...]
    path: Path
    digest: str
    tree: Node = field(repr=False, compare=False)

    def place_of(self, loc: Sequence[str | int]) -> str:
        """Return file:line:column of the key at a location such as ("sources", "iris", "files"), or of its nearest parent."""
        place = self.tree.follow(loc)[2]
        return f"{self.path}:{place.line}:{place.column}"


def load(path: Path, *, environment: Mapping[str, str] | None = None) -> Declared:
    """Read a declaration. DeclarationError carries every problem that the file has, in the order of the file.

    `environment` is where `${NAME}` is looked up, os.environ by default.
    """
    data = _bytes_of(path)
    try:
        tree, faults = read(data)
    except Unreadable as error:
        raise _refusal(path, [error.fault]) from None
    if tree.kind != "mapping":
        shown = Fault("wrong-type", "the file should be a mapping: version, dataset, sources …", tree.place)
        raise _refusal(path, [*faults, shown])
    reading = _Reading(path, tree, dict(os.environ) if environment is None else environment, faults)
    declaration, sources = reading.declaration(), reading.sources
    if reading.faults or declaration is None:
        raise _refusal(path, reading.faults)
    return Declared(declaration, sources, path, _digest(tree), tree)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        hint = "Run `acquire init` to write a first one, or name another file with --file."
        raise DeclarationError(f"there is no {path.name}", where=str(path), hint=hint) from None
    except OSError as error:
        raise DeclarationError(f"{path.name} cannot be read: {error.strerror}", where=str(path)) from None


def _refusal(path: Path, faults: Iterable[Fault]) -> DeclarationError:
    """Return the error with all problems in the order of the file, each told once."""
    ordered = sorted(dict.fromkeys(faults), key=lambda fault: (fault.place.line, fault.place.column))
    problems = [
        Problem(fault.code, fault.message, str(path), fault.place.line, fault.place.column, fault.hint) for fault in ordered
    ]
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return DeclarationError(f"{path.name} has {count}", where=problems[0].where, hint=problems[0].hint, problems=problems)


def _digest(tree: Node) -> str:
    order = list(tree.entries["sources"][1].entries)
    text = json.dumps({"declaration": tree.plain(), "order": order}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _frame_model() -> type[BaseModel]:
    """Return the declaration's model without the parts that plug-ins describe; those are judged by their own models."""
    anything: Any = (dict[str, Any], {})
    return create_model("Declaration", __base__=Declaration, sources=anything, filters=anything)


@dataclass(slots=True)
class _Reading:
    """One file on its way to a Declaration; `faults` grows."""

    path: Path
    tree: Node
    environment: Mapping[str, str]
    faults: list[Fault]
    sources: tuple[Source, ...] = ()

    def declaration(self) -> Declaration | None:
        """Validate all parts, whatever is wrong with the others."""
        frame = validated(_frame_model(), self._frame(), (), self.environment, self.faults)
        settings = self._sources()
        filters = self._filters()
        self._check_names(settings)
        self._check_policy(settings)
        self._check_holdouts(settings)
        if self.faults or not isinstance(frame, Declaration):
            return None
        made = {name: one for name, one in settings.items() if one is not None}
        self.sources = tuple(Source(name, one, self._where(name)) for name, one in made.items())
        whole = {name: getattr(frame, name) for name in Declaration.model_fields if name not in _BY_PLUGIN}
        return Declaration.model_construct(**whole, sources=made, filters=filters)

    def _where(self, name: str) -> str:
        place = self.tree.follow(("sources", name))[2]
        return f"{self.path}:{place.line}:{place.column}"

    def _frame(self) -> Node:
        """Return the tree with the plug-ins' parts emptied; a part that is no mapping stays, to be told."""
        entries = {
            key: (place, Node(node.place, "mapping") if key in _BY_PLUGIN and node.kind == "mapping" else node)
            for key, (place, node) in self.tree.entries.items()
        }
        return Node(self.tree.place, "mapping", entries=entries)

    def _part(self, name: str) -> dict[str, tuple[Place, Node]]:
        entry = self.tree.entries.get(name)
        return entry[1].entries if entry is not None and entry[1].kind == "mapping" else {}

    # --- sources

    def _sources(self) -> dict[str, SourceSettings | None]:
        part = self._part("sources")
        if not part and (entry := self.tree.entries.get("sources")) is None:
            self._add("missing-key", "`sources` is missing", self.tree.place, "Declare at least one source under `sources:`.")
        elif not part and entry is not None and entry[1].kind == "mapping":
            self._add("wrong-value", "`sources` names no source", entry[0], "Declare at least one: a name, and its `kind:`.")
        return {name: self._source(name, place, node) for name, (place, node) in part.items()}

    def _source(self, name: str, place: Place, node: Node) -> SourceSettings | None:
        if not _NAME.fullmatch(name):
            message = f"{name!r} cannot be the name of a source: it becomes a folder's name"
            self._add(
                "wrong-value",
                message,
                place,
                "Use letters, digits, dots, dashes and underscores; begin with a letter or digit.",
            )
        if node.kind != "mapping":
            self._add("wrong-type", f"`sources.{name}` should be a mapping with `kind:`", node.place, "Write {kind: …, …}.")
            return None
        kinds = plugins.registered(plugins.SOURCES)
        kind = node.entries.get("kind")
        if kind is None:
            hint = f"Write one of: {listed(kinds)}."
            self._add("missing-key", f"`kind` is missing in `sources.{name}`", place, hint)
            return None
        if not isinstance(kind[1].scalar, str) or kind[1].scalar not in kinds:
            self._unknown("kind", "a kind of source", kind[1], kinds)
            return None
        model = self._settings_of(plugins.SOURCES, kind[1].scalar, kind[1].place)
        made = None if model is None else validated(model, node, ("sources", name), self.environment, self.faults)
        return made if isinstance(made, SourceSettings) else None

    # --- filters

    def _filters(self) -> dict[str, FilterSettings | Literal[False]]:
        known = plugins.registered(plugins.FILTERS)
        found: dict[str, FilterSettings | Literal[False]] = {}
        for name, (place, node) in self._part("filters").items():
            if name not in known:
                message = f"there is no filter `{name}`; there are: {listed(known)}"
                self._add("unknown-filter", message, place, did_you_mean(name, known))
            elif node.scalar is False:
                found[name] = False
            elif node.kind != "mapping":
                message = f"`filters.{name}` should be a mapping of its settings, or false"
                self._add("wrong-type", message, node.place, "Write {} for its defaults, or leave the line out.")
            elif (model := self._settings_of(plugins.FILTERS, name, place)) is not None:
                made = validated(model, node, ("filters", name), self.environment, self.faults)
                if isinstance(made, FilterSettings):
                    found[name] = made
        return found

    def _settings_of(self, group: str, name: str, place: Place) -> type[BaseModel] | None:
        try:
            model: type[BaseModel] = plugins.load(group, name).Settings
        except PluginError as error:
            self._add("plugin", error.message, place, error.hint)
            return None
        return model

    # --- names that must exist

    def _check_names(self, sources: Mapping[str, object]) -> None:
        layout = self.tree.follow(("curated", "layout"))
        if layout[0] == ("curated", "layout") and isinstance(layout[1].scalar, str):
            layouts = plugins.registered(plugins.LAYOUTS)
            if layout[1].scalar not in layouts:
                self._unknown("layout", "a layout", layout[1], layouts)
        exporters = plugins.registered(plugins.EXPORTERS)
        for node in self._listed("manifest"):
            if isinstance(node.scalar, str) and node.scalar not in exporters:
                self._unknown("exporter", "a format of the manifest", node, exporters)
        for node in self._listed("filters", "duplicates", "prefer"):
            if isinstance(node.scalar, str) and node.scalar not in sources:
                self._unknown("source", "a source", node, sources)
        self._check_readers(sources)

    def _check_readers(self, sources: Iterable[str]) -> None:
        readers = plugins.registered(plugins.READERS)
        for name in sources:
            loc = ("sources", name, "read", "format")
            path, node, _ = self.tree.follow(loc)
            if path == loc and isinstance(node.scalar, str) and node.scalar not in readers:
                self._unknown("reader", "a reader", node, readers)

    def _check_policy(self, sources: Mapping[str, object]) -> None:
        for rule in self._listed("policy"):
            self._check_glob(rule, sources)

    def _check_holdouts(self, sources: Mapping[str, object]) -> None:
        path, node, _ = self.tree.follow(("curated", "holdouts"))
        for _, holdout in node.entries.values() if path == ("curated", "holdouts") else ():
            self._check_glob(holdout, sources)

    def _check_glob(self, node: Node, sources: Mapping[str, object]) -> None:
        entry = node.entries.get("source")
        glob = entry[1].scalar if entry is not None else None
        if entry is not None and isinstance(glob, str) and not any(fnmatchcase(name, glob) for name in sources):
            self._unknown("source", "a source, or a glob that fits one", entry[1], sources)

    def _listed(self, *loc: str) -> list[Node]:
        path, node, _ = self.tree.follow(loc)
        return node.items if path == loc else []

    def _unknown(self, what: str, called: str, node: Node, known: Iterable[str]) -> None:
        names = list(known)
        shown = repr(node.text) if node.kind == "scalar" else f"a {node.kind}"
        self._add(
            f"unknown-{what}",
            f"{shown} is not {called}; there are: {listed(names)}",
            node.place,
            did_you_mean(node.text, names),
        )

    def _add(self, code: str, message: str, place: Place, hint: str = "") -> None:
        self.faults.append(Fault(code, message, place, hint))
