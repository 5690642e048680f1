"""Entry points → plug-ins; ours come through the same door as anybody's.

Nothing is imported until a plug-in is asked for, so listing names is cheap and start-up stays fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from acquisition.errors import PluginError
from acquisition.protocols import Exporter, Filter, Layout, Reader, SetFilter, SourceAdapter

SOURCES: Final = "acquisition.sources"
READERS: Final = "acquisition.readers"
FILTERS: Final = "acquisition.filters"
LAYOUTS: Final = "acquisition.layouts"
EXPORTERS: Final = "acquisition.exporters"
SPIDERS: Final = "acquisition.spiders"
DETECTORS: Final = "acquisition.detectors"
"""Model-based detectors for `filters.llm_style.detector`; none of them is ours."""
GROUPS: Final = (SOURCES, READERS, FILTERS, LAYOUTS, EXPORTERS, SPIDERS, DETECTORS)

_NAME_ATTRIBUTE: Final = {SOURCES: "kind"}


@cache
def registered(group: str) -> Mapping[str, EntryPoint]:
    """Return the entry points of a group by name, sorted; PluginError when two distributions claim one name."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise PluginError(
                f"two plug-ins are registered as {point.name!r} in {group}: {other.value} and {point.value}",
                hint="Uninstall one of the two distributions.",
            )
    return found


@cache
def load(group: str, name: str) -> Any:
    """Import one plug-in's class; PluginError names the plug-in when it is unknown, broken or misnamed."""
    point = registered(group).get(name)
    if point is None:
        raise PluginError(f"no plug-in {name!r} in {group}; there are: {', '.join(registered(group)) or 'none'}")
    try:
        plugin = point.load()
    except Exception as error:  # a plug-in's import may raise anything; name it
        raise PluginError(f"plug-in {name!r} ({point.value}) cannot be imported: {error!r}") from error
    declared = getattr(plugin, _NAME_ATTRIBUTE.get(group, "name"), name)
    if declared != name:
        raise PluginError(f"plug-in {point.value} is registered as {name!r} but calls itself {declared!r}")
    return plugin


def adapter(kind: str) -> SourceAdapter:
    """Return a fresh adapter for a kind of source."""
    made: SourceAdapter = load(SOURCES, kind)()
    return made


def reader(name: str) -> Reader:
    """Return a fresh reader."""
    made: Reader = load(READERS, name)()
    return made


def filter_class(name: str) -> type[Filter | SetFilter]:
    """Return the class of a filter."""
    found: type[Filter | SetFilter] = load(FILTERS, name)
    return found


def sees_whole_set(name: str) -> bool:
    """Say whether a filter is a SetFilter; plug-ins inherit their contract explicitly, so the class tells."""
    return SetFilter in filter_class(name).__mro__


def layout(name: str) -> Layout:
    """Return a fresh layout."""
    made: Layout = load(LAYOUTS, name)()
    return made


def exporter(name: str) -> Exporter:
    """Return a fresh exporter."""
    made: Exporter = load(EXPORTERS, name)()
    return made
