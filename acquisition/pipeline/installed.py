"""What is installed: every plug-in with one line on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acquisition import plugins

_GROUPS: Final = {
    "sources": plugins.SOURCES,
    "readers": plugins.READERS,
    "filters": plugins.FILTERS,
    "layouts": plugins.LAYOUTS,
    "formats": plugins.EXPORTERS,
}


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
                entry["codes"] = ", ".join(sorted(plugin.codes))
            found[title].append(entry)
    found["spiders"] = [
        {"name": name, "title": point.value, "module": point.value}
        for name, point in plugins.registered(plugins.SPIDERS).items()
    ]
    return found
