"""Labelled sets of adult content from real files: false alarms on texts that are none, with and without a list of words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks.accuracy import LabelledSet

_TAG = re.compile(r"<script.*?</script>|<style.*?</style>|<[^>]+>", re.DOTALL | re.IGNORECASE)


def sets(shared: Path, folder: Path) -> Iterator[LabelledSet]:
    """Yield the labelled sets, written into `folder`; none of the files holds adult texts, so recall is not measured."""
    plain = _written(folder / "plain.jsonl", list(_plain(shared)))
    yield LabelledSet(
        "pages, prose, messages and declarations in many languages, none of them adult",
        plain,
        "Only false alarms can be counted. Looked at once while the cues were written: there were none, and nothing "
        "was changed for it.",
    )
    lists = [str(shared / "text_small" / "blocklist_LDNOOBW" / language) for language in ("en", "de", "fr")]
    yield LabelledSet(
        "the same with the LDNOOBW lists of three languages", plain, "A list by path, defaults otherwise.", {"words": lists}
    )


def _plain(shared: Path) -> Iterator[str]:
    for path in sorted((shared / "web_pages").glob("**/*.html")):
        yield _TAG.sub(" ", path.read_text(encoding="utf-8", errors="replace"))[:200_000]
    for line in (
        (shared / "llm_text/seqxgpt_document_level/human_lines.first_half.jsonl").read_text(encoding="utf-8").splitlines()
    ):
        yield json.loads(line)["text"]
    for path in sorted((shared / "text_small").glob("nltk/**/*")):
        if path.is_file() and path.stat().st_size < 300_000:
            yield path.read_text(encoding="utf-8", errors="replace")


def _written(path: Path, texts: list[str]) -> Path:
    rows = [{"id": f"plain-{number}", "text": text, "adult": False} for number, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
