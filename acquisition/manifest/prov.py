"""Exporter `prov`: one W3C PROV-JSON document of the run that wrote the manifest (W3C PROV-DM, member submission PROV-JSON).

Sources, the set and the manifest are entities, the steps activities, the tool and whoever builds the set agents. Items are not
listed one by one: items.parquet is their entity, and names the source of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from acquisition.manifest.gathered import Part, gather, moment
from acquisition.protocols import Exporter, Ledger
from acquisition.workspace import write_json

DOCUMENT: Final = "prov.json"
_STEPS: Final = ("fetch", "filter", "curate")


class Prov(Exporter):
    """prov.json."""

    name: ClassVar[str] = "prov"
    version: ClassVar[int] = 1
    files: ClassVar[tuple[str, ...]] = (DOCUMENT,)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the document."""
        _, parts = gather(ledger.items)
        write_json(directory / DOCUMENT, _document(ledger, parts))
        return self.files


def _document(ledger: Ledger, parts: Mapping[str, Part]) -> dict[str, Any]:
    sources = {name: f"set:source/{name}" for name in ledger.releases}
    entities: dict[str, Any] = {sources[name]: _release(ledger, name, parts.get(name)) for name in sorted(sources)} | {
        "set:staged": {"prov:label": "items found in the sources", "acq:items": ledger.summary["items"]},
        "set:flagged": {"prov:label": "items with what the filters noticed"},
        "set:curated": {
            "prov:label": ledger.dataset.title or ledger.dataset.name,
            "acq:version": ledger.dataset.version,
            "acq:items": sum(part.items for part in parts.values()),
        },
        "set:items.parquet": {"prov:label": "the ledger: every item, kept or not"},
    }
    return {
        "prefix": {"set": f"urn:acquisition:{ledger.dataset.name}:", "acq": "urn:acquisition:terms:"},
        "entity": entities,
        "activity": _activities(ledger),
        "agent": _agents(ledger),
        **_relations(ledger, sources, parts),
    }


def _release(ledger: Ledger, name: str, part: Part | None) -> dict[str, Any]:
    release = ledger.releases[name]
    facts = {
        "prov:label": release.title or name,
        "acq:kind": release.kind,
        "acq:revision": release.revision,
        "prov:location": release.homepage,
        "acq:keptItems": part.items if part else 0,
        "acq:firstRetrieved": moment(part.first) if part else "",
        "acq:lastRetrieved": moment(part.last) if part else "",
    }
    return {key: value for key, value in facts.items() if value != ""}


def _activities(ledger: Ledger) -> dict[str, Any]:
    filters = sorted({f"{one['filter']} {one['version']}" for one in ledger.summary.get("flags", ())})
    return {
        "set:fetch": {"prov:label": "download, crawl and stage"},
        "set:filter": {"prov:label": "look at every item", "acq:filters": ", ".join(filters)},
        "set:curate": {"prov:label": "judge by the policy and write the set", "prov:endTime": ledger.created_at},
    }


def _agents(ledger: Ledger) -> dict[str, Any]:
    agents = {"set:tool": {"prov:type": "prov:SoftwareAgent", "prov:label": f"acquisition {ledger.tool_version}"}}
    creator = ledger.dataset.creator or (ledger.contact.name if ledger.contact else "")
    return agents | ({"set:creator": {"prov:type": "prov:Agent", "prov:label": creator}} if creator else {})


def _relations(ledger: Ledger, sources: Mapping[str, str], parts: Mapping[str, Part]) -> dict[str, Any]:
    flow = (
        ("set:fetch", "", "set:staged"),
        ("set:filter", "set:staged", "set:flagged"),
        ("set:curate", "set:flagged", "set:curated"),
        ("set:curate", "", "set:items.parquet"),
    )
    used = [{"prov:activity": "set:fetch", "prov:entity": entity} for _, entity in sorted(sources.items())]
    used += [{"prov:activity": activity, "prov:entity": taken} for activity, taken, _ in flow if taken]
    made = [{"prov:entity": entity, "prov:activity": activity} for activity, _, entity in flow]
    derived = [
        {"prov:generatedEntity": "set:curated", "prov:usedEntity": sources[name]} for name in sorted(parts) if name in sources
    ]
    by = [{"prov:activity": f"set:{step}", "prov:agent": "set:tool"} for step in _STEPS]
    credited = [{"prov:entity": "set:curated", "prov:agent": "set:creator"}] if "set:creator" in _agents(ledger) else []
    relations = {
        "used": used,
        "wasGeneratedBy": made,
        "wasDerivedFrom": derived,
        "wasAssociatedWith": by,
        "wasAttributedTo": credited,
    }
    return {name: {f"_:{name}{index}": one for index, one in enumerate(listed)} for name, listed in relations.items() if listed}
