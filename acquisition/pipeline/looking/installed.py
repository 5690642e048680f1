"""What is installed: every plug-in with one line on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acquisition import plugins
from acquisition.protocols import Cost

_GROUPS: Final = {
    "sources": plugins.SOURCES,
    "readers": plugins.READERS,
    "filters": plugins.FILTERS,
    "layouts": plugins.LAYOUTS,
    "formats": plugins.EXPORTERS,
}


def _cost(cost: Cost) -> str:
    """Return what a filter takes as people read it; what is nothing is left out."""
    parts = {"{:g} s to prepare": cost.prepare, "{:g} µs per KB of text": cost.text, "{:g} ms per file": cost.media}
    return ", ".join([*(text.format(value) for text, value in parts.items() if value), f"{cost.memory} MB"])


def installed() -> Mapping[str, Sequence[Mapping[str, str]]]:
    """Return per group the name of each plug-in, its first line, where it comes from, and (sources) the hosts it asks."""
    found: dict[str, list[dict[str, str]]] = {}
    for title, group in _GROUPS.items():
        found[title] = []
        for name, point in plugins.registered(group).items():
            plugin = plugins.load(group, name)
            line = getattr(plugin, "title", "") or (plugin.__doc__ or "").strip().split("\n")[0]
            entry = {"name": name, "title": line, "module": point.value}
            if group == plugins.SOURCES:
                entry["hosts"] = ", ".join(plugin.hosts)
            if group == plugins.FILTERS:
                entry |= {"codes": ", ".join(sorted(plugin.codes)), "cost": _cost(plugin.cost)}
            found[title].append(entry)
    found["spiders"] = [
        {"name": name, "title": point.value, "module": point.value}
        for name, point in plugins.registered(plugins.SPIDERS).items()
    ]
    return found
