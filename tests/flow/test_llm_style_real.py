"""llm_style on real texts of people and of models, beside the checkout."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.filters.llm_style import LlmStyle
from acquisition.filters.llm_style.signatures import flags_of
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing import items_of

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data beside the checkout")]


def codes_of(texts: Sequence[str]) -> Counter[str]:
    """Return how many flags of each code the texts get."""
    style = LlmStyle(LlmStyle.Settings(), FilterContext(Use(), {}, ("source",), ""))
    signed = style.sign(items_of(list(texts)))
    return Counter(flags_of(pa.Table.from_batches([signed])).column("code").to_pylist())


def abstracts(side: str, first: int, last: int) -> list[str]:
    """Return abstracts of statistics, eight sentences each, human or rewritten by a model."""
    tokens = pq.read_table(SHARED / "llm_text" / "arxiv_stat_train" / f"{side}_data.parquet")[f"{side}_sentence"].to_pylist()[
        first:last
    ]
    return [". ".join(" ".join(part) for part in tokens[at : at + 8]) for at in range(0, len(tokens), 8)]


def test_people_are_not_taken_for_chat_assistants() -> None:
    """No certain phrase stands in 3,400 texts of people."""
    folder = SHARED / "llm_text"
    lines = (folder / "seqxgpt_document_level" / "human_lines.first_half.jsonl").read_text(encoding="utf-8").splitlines()
    human = [json.loads(line)["text"] for line in lines]
    human += [
        row["document"]
        for row in json.loads((folder / "detector_bias/Human_Data__CS224N_real_145.first_half.json").read_text())
    ]
    human += json.loads((folder / "pubmed_pairs" / "pubmed_gpt-4.first_half.json").read_text())["original"]
    human += abstracts("human", 0, 30_000)
    assert len(human) > 2_900
    assert codes_of(human)["llm-style.boilerplate"] == 0


def test_rewritten_abstracts_score_far_more_often() -> None:
    """Style words are several times as frequent in abstracts that a model rewrote: a cue for a corpus."""
    people, models = abstracts("human", 0, 16_000), abstracts("ai", 0, 16_000)
    shares = [codes_of(texts)["llm-style.score"] / len(texts) for texts in (people, models)]
    assert shares[1] > 10 * shares[0]
