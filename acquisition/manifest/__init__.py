"""Stage 7: remembers every item's lineage, prints it in the world's formats, explains and verifies."""

from acquisition.manifest.diff import Change, Difference, changelog, diff
from acquisition.manifest.explain import Explanation, explain
from acquisition.manifest.ledger import LEDGER_SCHEMA, LedgerInputs, Retrieval
from acquisition.manifest.verify import CODES, Finding, Verified, verify
from acquisition.manifest.write import ManifestInputs, ManifestResult, Refusal, write

__all__ = [
    "CODES",
    "LEDGER_SCHEMA",
    "Change",
    "Difference",
    "Explanation",
    "Finding",
    "LedgerInputs",
    "ManifestInputs",
    "ManifestResult",
    "Refusal",
    "Retrieval",
    "Verified",
    "changelog",
    "diff",
    "explain",
    "verify",
    "write",
]
