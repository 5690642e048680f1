"""Stage 7: remembers every item's lineage, prints it in the world's formats, explains and verifies."""

from acquisition.manifest.columns import LEDGER_SCHEMA, LEDGER_VERSION, items_schema
from acquisition.manifest.diff import Change, Difference, changelog, diff
from acquisition.manifest.evidence import EvidenceStore, SiteFile
from acquisition.manifest.explain import Explanation, explain
from acquisition.manifest.gone import TakenDown
from acquisition.manifest.ledger import LedgerInputs, Retrieval
from acquisition.manifest.names import FILES, ITEMS
from acquisition.manifest.release import Open, release_list
from acquisition.manifest.untouched import demand_untouched, facts_of
from acquisition.manifest.verify import CODES, Finding, Verified, verify
from acquisition.manifest.versions import Decided, Version, decide, read_versions, section, stepped, write_versions
from acquisition.manifest.write import ManifestInputs, ManifestResult, Refusal, write

__all__ = [
    "CODES",
    "FILES",
    "ITEMS",
    "LEDGER_SCHEMA",
    "LEDGER_VERSION",
    "Change",
    "Decided",
    "Difference",
    "EvidenceStore",
    "Explanation",
    "Finding",
    "LedgerInputs",
    "ManifestInputs",
    "ManifestResult",
    "Open",
    "Refusal",
    "Retrieval",
    "SiteFile",
    "TakenDown",
    "Verified",
    "Version",
    "changelog",
    "decide",
    "demand_untouched",
    "diff",
    "explain",
    "facts_of",
    "items_schema",
    "read_versions",
    "release_list",
    "section",
    "stepped",
    "verify",
    "write",
    "write_versions",
]
