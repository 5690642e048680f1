"""Croissant RAI 1.0 and the PROV of the whole: from the records what they hold, from people what only they can say."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from acquisition.manifest.croissant.terms import MISSING
from acquisition.manifest.gathered import Part, filters_of
from acquisition.manifest.kept import address
from acquisition.protocols import Ledger

_COLLECTION: Final = {
    "spider": "Web Scraping",
    "search": "Web Scraping",
    "url_list": "Web Scraping",
    "local": "Others",
    "http": "Web API",
}
ASKED: Final = (
    "dataAnnotationPlatform", "dataAnnotationAnalysis", "dataSocialImpact", "dataBiases", "dataUseCases", "annotationsPerItem",
    "annotatorDemographics",
)  # fmt: skip
"""Properties that only a person can fill: `dataset.answers` under "rai.<property>", else TO BE PROVIDED."""


def responsible(ledger: Ledger, whole: Part, parts: Mapping[str, Part]) -> dict[str, Any]:
    """Return the RAI properties; what a person answers beats the records, and what neither says is asked for."""
    found: dict[str, Any] = {
        "dataCollection": _collection(ledger),
        "dataCollectionType": _types(ledger, parts),
        "dataCollectionMissingData": _missing(ledger.summary),
        "dataCollectionRawData": _raw(ledger, parts),
        "dataCollectionTimeframe": [f"{at:%Y-%m-%d}" for at in (whole.first, whole.last) if at is not None],
        "dataImputationProtocol": "No value was imputed by acquisition.",
        "dataManipulationProtocol": _manipulation(ledger.summary),
        "dataPreprocessingProtocol": list(_preprocessing(ledger.summary)),
        "dataAnnotationProtocol": _annotation(ledger, parts),
        "dataReleaseMaintenancePlan": " ".join(_maintenance(ledger)),  # many by RAI 1.0, one by mlcroissant 1.1.1
        "personalSensitiveInformation": list(_personal(ledger)),
        "dataLimitations": list(_limitations(ledger, whole)),
    }
    found |= {name: MISSING for name in ASKED if name not in found}
    found |= {name: answer for name in found if (answer := ledger.dataset.answers.get(f"rai.{name}", "").strip())}
    if found["dataBiases"] == MISSING and whole.items:
        found["dataBiases"] = [MISSING, f"Items per class: {_listed(whole.classes)}."]
    if found["dataUseCases"] == MISSING and (use := _use(ledger)):
        found["dataUseCases"] = [MISSING, f"Every item's license was judged for: {use}."]
    return {f"rai:{name}": value for name, value in found.items() if value}


def _listed(counts: Mapping[str, int], most: int = 20) -> str:
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    rest = f" and {len(ranked) - most:,} more" if len(ranked) > most else ""
    return ", ".join(f"{name or 'none'} {count:,}" for name, count in ranked[:most]) + rest


def _use(ledger: Ledger) -> str:
    return ", ".join(name for name, wanted in ledger.dataset.use.model_dump().items() if wanted)


def _collection(ledger: Ledger) -> str:
    said: Counter[str] = Counter()
    for told in ledger.summary.get("crawls", {}).values():
        for mechanism, facts in told.get("opt_outs", {}).items():
            said[mechanism] += facts["items"] + facts["not_visited"]
    opted = f" Opt-outs met in crawls (items and addresses left alone): {_listed(said)}." if said else ""
    return f"Declared in sources.yaml and fetched by acquisition {ledger.tool_version}.{opted}"


def _types(ledger: Ledger, parts: Mapping[str, Part]) -> list[str]:
    kinds = {release.kind for name, release in ledger.releases.items() if name in parts}
    return sorted({_COLLECTION.get(kind, "Secondary Data analysis") for kind in kinds})


def _missing(summary: Mapping[str, Any]) -> str:
    """Return what could not be had or read, by reason."""
    told = []
    for what in ("rejections", "refusals"):
        counts: Counter[str] = Counter()
        for codes in summary.get(what, {}).values():
            counts.update(codes)
        if counts:
            told.append(f"{what}: {_listed(counts)}")
    return "; ".join(told) or "Nothing that was declared is missing."


def _raw(ledger: Ledger, parts: Mapping[str, Part]) -> str:
    return "; ".join(
        f"{name}: {release.kind} {release.homepage} {release.revision}".replace("  ", " ").strip()
        for name, release in sorted(ledger.releases.items())
        if name in parts
    )


def _manipulation(summary: Mapping[str, Any]) -> str:
    told = ", ".join(f"{outcome} {count:,}" for outcome, count in sorted(summary.get("outcomes", {}).items()))
    return f"The policy's outcomes: {told}. Redacted spans are replaced by the kind of what stood there." if told else ""


def _preprocessing(summary: Mapping[str, Any]) -> Iterator[str]:
    for one in filters_of(summary):
        yield f"filter {one}"
    rules = len(summary.get("policy", ()))
    if rules:
        yield f"policy of {rules:,} rules; each item's decisive rule is in the ledger"


def _annotation(ledger: Ledger, parts: Mapping[str, Part]) -> str:
    told = [
        f"{name}: {settings.items.label if isinstance(settings.items.label, (str, int)) else settings.items.label.from_}"
        for name, settings in sorted(ledger.settings.items())
        if name in parts and settings.items.label is not None
    ]
    return f"Labels are those of the sources, taken from: {', '.join(told)}." if told else MISSING


def _maintenance(ledger: Ledger) -> Iterator[str]:
    if ledger.contact is not None:
        yield f"Requests to take an item down: {ledger.contact.name}, {ledger.contact.email}, {ledger.contact.url}."
    yield "A removed, edited or moved item is a major step of the version, an added one a minor step."


def _personal(ledger: Ledger) -> Iterator[str]:
    found = {flag["code"]: flag["count"] for flag in ledger.summary.get("flags", ()) if flag["code"].startswith("pii.")}
    for code, count in sorted(found.items()):
        yield f"{code}: {count:,} places flagged among all items found; the policy decided what became of each"
    for sentence in ledger.not_checked:
        if sentence.startswith(("pii", "personal data")):
            yield f"not checked: {sentence}"
    if not found:
        ran = "pii" in ledger.summary.get("filters", {})
        told = "No filter has flagged personal data" if ran else "No filter looked for personal data"
        yield f"{told}; that is no proof that there are none."


def _limitations(ledger: Ledger, whole: Part) -> Iterator[str]:
    suspected = whole.synthetic.get("suspected", 0)
    yield (
        f"Made by a model: {suspected:,} of {whole.items:,} items are suspected, "
        f"{whole.synthetic.get('not-checked', 0):,} were not looked at."
    )
    for sentence in ledger.not_checked:
        yield f"not checked: {sentence}"


def _origins(ledger: Ledger, parts: Mapping[str, Part]) -> dict[str, dict[str, Any]]:
    """Return every source that kept something, by its page; one without a page, or with another's, has a UUID as its name."""
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(name for name, part in parts.items() if part.items):
        release = ledger.releases.get(name)
        page = release.homepage if release else ""
        if page in found or not address(page):
            page = uuid.uuid5(uuid.NAMESPACE_URL, f"{ledger.dataset.url or ledger.dataset.name}#source/{name}").urn
        label = f"{release.title or name}, {release.revision}" if release else name
        found[page] = {"@id": page, "@type": "prov:Entity", "prov:label": label.rstrip(", ")}
    return found


def provenance(ledger: Ledger, parts: Mapping[str, Part]) -> dict[str, Any]:
    """Return what the set was made from, by which steps and by whom (PROV at the level of the data set)."""
    origins = _origins(ledger, parts)
    creator = ledger.dataset.creator or (ledger.contact.name if ledger.contact else "")
    tool = {"@type": ["prov:Agent", "prov:SoftwareAgent"], "prov:label": f"acquisition {ledger.tool_version}"}
    steps = ("fetch: download and crawl", "filter: look at every item", "curate: judge by the policy and write the set")
    return {
        "prov:wasDerivedFrom": list(origins.values()),
        "prov:wasGeneratedBy": [
            {"@type": "prov:Activity", "prov:label": step, "prov:wasAssociatedWith": tool} for step in steps[:-1]
        ]
        + [
            {
                "@type": "prov:Activity",
                "prov:label": steps[-1],
                "prov:endedAtTime": ledger.created_at,
                "prov:wasAssociatedWith": tool,
            }
        ],
        **({"prov:wasAttributedTo": [{"@type": "prov:Agent", "prov:label": creator}]} if creator else {}),
    }


def usage(ledger: Ledger, whole: Part) -> list[dict[str, Any]]:
    """Return the conditions of use: each item's own license, credit as a duty (ODRL), and the opt-outs that were met."""
    told: list[dict[str, Any]] = [
        {
            "@type": "CreativeWork",
            "name": "Licenses stand item by item",
            "text": f"Every item has its own license and duties, in the columns license and duties of its record. "
            f"{whole.credited:,} of {whole.items:,} items ask for credit.",
        }
    ]
    if whole.credited:
        permission = {"odrl:action": "odrl:use", "odrl:duty": [{"odrl:action": "odrl:attribute"}]}
        told.append({"@type": ["CreativeWork", "odrl:Offer"], "name": "Credit", "odrl:permission": [permission]})
    mechanisms = sorted({name for told in ledger.summary.get("crawls", {}).values() for name in told.get("opt_outs", {})})
    if mechanisms:
        text = f"Met in crawls and recorded with each item: {', '.join(mechanisms)}; counts and treatment are in summary.json."
        told.append({"@type": "CreativeWork", "name": "Opt-outs", "text": text})
    return told
