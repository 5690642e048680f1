"""What the files of a manifest are called, for those that write, read, compare and verify them."""

from __future__ import annotations

from typing import Final

ITEMS: Final = "items.parquet"
LINES: Final = "manifest.jsonl"
"""The ledger in JSON Lines."""
FILES: Final = "curated-files.jsonl"
REJECTIONS: Final = "rejections.jsonl"
OBSERVATIONS: Final = "observations.jsonl"
REFUSALS: Final = "refusals.jsonl"
SUMMARY: Final = "summary.json"
VERSIONS: Final = "versions.jsonl"
CHANGELOG: Final = "CHANGELOG.md"
TAKEDOWNS: Final = "takedowns.jsonl"
SUMS: Final = "SHA256SUMS"
