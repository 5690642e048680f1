"""Labelled sets of LLM style from real files: phrases alone, and scores with a calibration made from another half."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pyarrow.parquet as pq

from benchmarks.accuracy import LabelledSet

Texts = tuple[list[str], list[str]]
_LISTED_FROM = 16_000
"""Abstracts before this sentence only helped to weigh the word list."""


def sets(shared: Path, folder: Path) -> Iterator[LabelledSet]:
    """Yield the labelled sets, written into `folder`; odd documents calibrate and even ones are reported."""
    pairs = _pairs(shared / "llm_text")
    yield LabelledSet(
        "people and models of seven kinds, phrases alone",
        _written(folder / "phrases.jsonl", pairs),
        "No calibration: only phrases count, and hardly any of these texts holds one. Not looked at while the phrases "
        "were written, "
        "but for the false hits.",
    )
    for fpr in (0.01, 0.05):
        calibration = _calibrated(
            folder / f"calibration-{fpr}.json", {name: _half(texts, 1) for name, texts in pairs.items()}, fpr
        )
        yield LabelledSet(
            f"the same, even half, calibrated on the odd half, aimed at {fpr:.0%}",
            _written(folder / f"scored-{fpr}.jsonl", {name: _half(texts, 0) for name, texts in pairs.items()}),
            "Human and model texts calibrate, domain by domain; texts under 60 words are not scored. The abstracts of "
            "statistics helped "
            "to weigh the word list, so their own words, not the list, score them.",
            {"calibration": str(calibration), "min_words": 60},
        )


def _pairs(folder: Path) -> dict[str, Texts]:
    """Return human and model texts by domain."""
    reports = [row["document"] for row in _json(folder / "detector_bias/Human_Data__CS224N_real_145.first_half.json")]
    polished = [row["document"] for row in _json(folder / "detector_bias/GPT_Data__CS224N_gpt3PromptEng_145.first_half.json")]
    answers = _json(folder / "pubmed_pairs/pubmed_gpt-4.first_half.json")
    mixed = _lines(folder / "seqxgpt_document_level/human_lines.first_half.jsonl")
    found: dict[str, Texts] = {
        "reports": (reports, polished),
        "medical answers": (answers["original"], answers["sampled"]),
        "abstracts": (_abstracts(folder, "human"), _abstracts(folder, "ai")),
    }
    for model in ("gpt3", "gpt2", "llama"):
        found[f"mixed prose, {model}"] = (mixed, _lines(folder / f"seqxgpt_document_level/{model}_lines.first_half.jsonl"))
    essays = [path.read_text(encoding="utf-8") for path in sorted((folder / "chatgpt_essays").glob("[0-9]*.txt"))]
    return found | {"essays": ([], essays)}


def _abstracts(folder: Path, side: str) -> list[str]:
    tokens = pq.read_table(folder / "arxiv_stat_train" / f"{side}_data.parquet")[f"{side}_sentence"].to_pylist()[_LISTED_FROM:]
    return [". ".join(" ".join(part) for part in tokens[at : at + 8]) + "." for at in range(0, min(len(tokens), 5_600), 8)]


def _json(path: Path) -> list[dict[str, str]] | dict[str, list[str]]:
    value: list[dict[str, str]] | dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return value


def _lines(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def _half(texts: Texts, odd: int) -> Texts:
    """Return the half of both sides whose texts' digests are odd or even."""
    human, model = ([one for one in side if hashlib.sha256(one.encode()).digest()[0] % 2 == odd] for side in texts)
    return human, model


def _calibrated(path: Path, pairs: dict[str, Texts], fpr: float) -> Path:
    from dataclasses import asdict

    from acquisition.filters.llm_style.calibrating import Sample, calibrate

    samples = [Sample(text, llm, name) for name, sides in pairs.items() for llm, side in enumerate(sides) for text in side]
    made = calibrate((Sample(one.text, bool(one.llm), one.domain) for one in samples), fpr=fpr, min_words=60)
    path.write_bytes(orjson.dumps(asdict(made)))
    return path


def _written(path: Path, pairs: dict[str, Texts]) -> Path:
    rows: Sequence[dict[str, object]] = [
        {"id": f"{name} {'model' if llm else 'human'} {number}", "text": text, "llm": bool(llm), "domain": name}
        for name, sides in pairs.items()
        for llm, side in enumerate(sides)
        for number, text in enumerate(side)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
