"""README.md of a bundle: what is in it, what is not, and how it is checked, for somebody who knows nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acquisition.bundle.leaving import Sorted
from acquisition.markdown import escaped


def readme(about: Mapping[str, Any], items: Sorted, reasons: Mapping[str, int], contexts: Sequence[Mapping[str, Any]]) -> str:
    """Return it as Markdown. No date and no machine's name is in it."""
    parts = [
        f"# {about['name']} {about['version']}\n",
        _head(about),
        _parts(only_manifest=bool(about["only_manifest"])),
        _check(),
        _licenses(items) if not about["only_manifest"] else "",
        _left_out(reasons),
        _contexts(contexts),
    ]
    return "\n".join(part for part in parts if part)


def _head(about: Mapping[str, Any]) -> str:
    counts = f"{about['included']:,} of {about['kept']:,} kept items"
    return f"A bundle of a data set, written by {about['tool']}: {counts}, with the papers of all of them.\n"


def _parts(*, only_manifest: bool) -> str:
    rows = [
        ("`sources.yaml`, `sources.lock`", "what was declared, and what exactly was taken"),
        ("`decisions.jsonl`", "what people decided"),
        ("`manifest/`", "the ledger of every item and its exports, with the evidence as bytes; it tells of the whole set"),
        ("`manifest/CHANGELOG.md`", "the versions of the set, and what changed from one to the next"),
        ("`not-included.jsonl`", "every item and file that is not here, or not as it was, and why"),
        ("`contexts.json`, `contexts/`", "JSON-LD contexts that the papers name by an address, and what stands for them here"),
        ("`SHA256SUMS`", "digests of all files of the bundle"),
    ]
    if not only_manifest:
        rows.insert(2, ("`curated/`", "the set; its own README says how it is loaded"))
    return "## What is in it\n\n" + _table(("part", "what it is"), rows)


def _check() -> str:
    return (
        "## How to check it\n\n"
        "`acquire verify PATH` looks at this directory or at the tar that it came in, without a network, and needs nothing\n"
        "else; `--key public.pem` checks the signature as well. `sha256sum --check SHA256SUMS` compares the digests alone,\n"
        "and `openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig` the signature.\n"
    )


def _licenses(items: Sorted) -> str:
    rows = [
        (escaped(license_), f"{count:,}", ", ".join(duties) or "none")
        for (license_, duties), count in sorted(items.duties.items(), key=lambda one: (-one[1], one[0]))
    ]
    return (
        "## Licenses and duties\n\nEvery item has its own license, and whoever passes this on has its duties too. Credit\n"
        "stands in `manifest/ATTRIBUTIONS.*`, license texts, as far as they came with the data, in `manifest/evidence/`.\n\n"
        + _table(("license", "items", "duties"), rows)
    )


def _left_out(reasons: Mapping[str, int]) -> str:
    if not reasons:
        return "## What is not in it\n\nAll kept items are in it.\n"
    return "## What is not in it\n\n" + _table(
        ("items", "why"), [(f"{count:,}", escaped(why)) for why, count in reasons.items()]
    )


def _contexts(contexts: Sequence[Mapping[str, Any]]) -> str:
    if not contexts:
        return ""
    lines = "".join(
        f"* <{one['url']}>, named by {', '.join(one['named_by'])}: "
        + (f"`{one['file']}`, {one['why']}\n" if one["file"] else f"{one['why']}\n")
        for one in contexts
    )
    return "## Addresses that it names\n\n" + lines


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
