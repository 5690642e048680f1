"""Copies in a whole run: a new source is compared with all that is there, and nothing old is signed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.flow.running import Place, empty_place

TEXTS = (
    "The ferry leaves the northern pier at half past six and returns before the fog closes in over the bay.",
    "Nobody expected the old printing press to start again after twenty winters under a leaking roof.",
    "Her grandfather kept bees on the roof of the bakery, and the whole street smelled of wax in June.",
)


def source(place: Place, name: str, texts: list[str]) -> dict[str, Any]:
    """Write a file of texts and return its declaration."""
    (place.directory / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return {
        "kind": "local",
        "path": f"{name}.jsonl",
        "items": {"text": "text"},
        "license": {"declared": "CC0-1.0", "evidence": "https://example.org/terms"},
    }


def signed(place: Place) -> dict[str, int]:
    """Return every signature table of the duplicates filter with the time of its last change."""
    folder = place.workspace / "flags"
    found = folder.glob("duplicates-*/.signatures/**/*.parquet")
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in found}


def test_a_new_source_signs_only_itself(tmp_path: Path) -> None:
    """Signature files of old sources keep their times; the result is that of declaring all sources at once."""
    with empty_place(tmp_path / "grown") as place, empty_place(tmp_path / "fresh") as other:
        sources = {"one": source(place, "one", list(TEXTS)), "two": source(place, "two", [TEXTS[1] + " Yet it did."])}
        place.declare_sources(sources)
        place.fetch()
        before = signed(place)
        sources["three"] = source(place, "three", [TEXTS[0].upper(), TEXTS[2]])
        place.declare_sources(sources)
        place.fetch()
        after = signed(place)
        for name in sources:
            (other.directory / f"{name}.jsonl").write_bytes((place.directory / f"{name}.jsonl").read_bytes())
        other.declare_sources(sources)
        other.fetch()
        assert len(before) == 2
        assert len(after) == 3
        assert {name: after[name] for name in before} == before
        assert verdicts(place) == verdicts(other)
        assert {code for _, _, code in verdicts(place)} >= {"duplicate.exact", "duplicate.normalised"}


def verdicts(place: Place) -> list[tuple[str, str, str]]:
    """Return source, outcome and decisive flag of every item of the manifest, in order."""
    return sorted((item["source"], item["outcome"], item["code"]) for item in place.items())
