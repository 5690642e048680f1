"""Exporter `prov`: one W3C PROV-JSON document of the run that wrote the manifest (W3C PROV-DM, member submission PROV-JSON).

Sources, the set and the manifest are entities, the steps activities, the tool and whoever builds the set agents. Items are not
listed one by one: items.parquet is their entity, and names the source of each.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq

from acquisition.manifest.gathered import Part, filters_of, gather, moment
from acquisition.manifest.kept import refuse
from acquisition.protocols import Exporter, Ledger
from acquisition.workspace import write_json

DOCUMENT: Final = "prov.json"
MAX_GONE: Final = 10_000
_STEPS: Final = ("fetch", "filter", "curate")
_TERMS: Final = frozenset(
    {
        "entity", "activity", "agent", "prefix", "used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith",
        "wasAttributedTo", "wasInvalidatedBy",
    }
)  # fmt: skip


class Prov(Exporter):
    """prov.json."""

    name: ClassVar[str] = "prov"
    version: ClassVar[int] = 2
    standard: ClassVar[str] = "W3C PROV-JSON"
    files: ClassVar[tuple[str, ...]] = (DOCUMENT,)

    def write(self, ledger: Ledger, directory: Path) -> tuple[str, ...]:
        """Write the document; ExportRefused when it names what it does not describe, or other sources than kept something."""
        _, parts = gather(ledger.items)
        document = _document(ledger, parts, _taken_down(ledger.items))
        refuse("the PROV document", problems(document, parts))
        write_json(directory / DOCUMENT, document)
        return self.files


def _taken_down(items: Path) -> list[tuple[str, str, str]]:
    """Return id, ticket and time of the items that were taken down, at most MAX_GONE; the ledger has all."""
    found: list[tuple[str, str, str]] = []
    with pq.ParquetFile(items) as ledger:
        for batch in ledger.iter_batches(columns=["id", "takedown", "decided_at", "code"]):
            # not by the ticket: a takedown needs none
            gone = batch.filter(pc.equal(batch.column("code"), "takedown")).slice(0, MAX_GONE - len(found))
            rows = zip(*(gone.column(name).to_pylist() for name in ("id", "takedown", "decided_at")), strict=True)
            found += ((item, ticket or "without a ticket", at) for item, ticket, at in rows)
    return found


def _document(ledger: Ledger, parts: Mapping[str, Part], gone: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
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
    entities |= {f"set:item/{item}": {"prov:label": "an item that was taken down"} for item, _, _ in gone}
    return {
        "prefix": {"set": f"urn:acquisition:{ledger.dataset.name}:", "acq": "urn:acquisition:terms:"},
        "entity": entities,
        "activity": _activities(ledger)
        | {f"set:takedown/{_plain(ticket)}": {"prov:label": f"takedown {ticket}"} for _, ticket, _ in gone},
        "agent": _agents(ledger),
        **_relations(ledger, sources, parts),
        **_invalidated(gone),
    }


def _plain(ticket: str) -> str:
    """Return a ticket as part of a name; what had to be changed gets a digest, so that no two tickets are one."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", ticket)
    return plain if plain == ticket else f"{plain}-{hashlib.sha256(ticket.encode()).hexdigest()[:8]}"


def _invalidated(gone: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    found = {
        f"_:wasInvalidatedBy{index}": {"prov:entity": f"set:item/{item}", "prov:activity": f"set:takedown/{_plain(ticket)}"}
        | ({"prov:time": at} if at else {})
        for index, (item, ticket, at) in enumerate(gone)
    }
    return {"wasInvalidatedBy": found} if found else {}


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
    return {
        "set:fetch": {"prov:label": "download, crawl and stage"},
        "set:filter": {"prov:label": "look at every item", "acq:filters": ", ".join(filters_of(ledger.summary))},
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


def problems(document: Mapping[str, Any], parts: Mapping[str, Part]) -> list[str]:
    """Return what the library lets pass: words that PROV has not, references that lead nowhere, sources that kept nothing."""
    found = [f"{term} is no term of PROV-JSON that we write" for term in sorted(set(document) - _TERMS)]
    known = {name for kind in ("entity", "activity", "agent") for name in document.get(kind, {})}
    found += [f"{name} leads to nothing" for name in sorted(set(_referred(document)) - known)]
    derived = {one["prov:usedEntity"] for one in document.get("wasDerivedFrom", {}).values()}
    if derived != {f"set:source/{name}" for name in parts} & set(document["entity"]):
        found.append("the set is not derived from exactly those sources that kept something")
    kept = document["entity"]["set:curated"].get("acq:items")
    if kept != sum(part.items for part in parts.values()):
        found.append(f"the set has {kept} items here")
    return found


def _referred(document: Mapping[str, Any]) -> Iterator[str]:
    for kind, relations in document.items():
        if kind not in {"prefix", "entity", "activity", "agent"}:
            for one in relations.values():
                yield from (value for key, value in one.items() if key != "prov:time")
