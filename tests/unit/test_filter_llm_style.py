"""llm_style: phrases with their places, and a word score that abstains on little evidence."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.filters.llm_style import LlmStyle
from acquisition.filters.llm_style.cues import CERTAIN, WEAK, one_of
from acquisition.filters.llm_style.style import word_score
from acquisition.testing.filters import check_filter, items_of

CHAT = {
    "As an AI language model, I have no favourite.": "as-an-ai",
    "as an\nartificial intelligence assistant I would say": "as-an-ai",
    "Well, I’m just an AI, so no.": "i-am-an-ai",
    "I am a large language model and never tired": "i-am-a-language-model",
    "I was trained by OpenAI to be polite": "made-by",
    "That happened after my knowledge cutoff.": "my-cutoff",
    "I'm sorry, but I cannot fulfill that request.": "cannot-fulfil",
    "Results are shown below. Regenerate response": "regenerate-response",
    "see https://example.org/?utm_source=chatgpt.com": "chat-source",
    "as said turn0search12": "citation-mark",
    "Kind regards, [Your Name]": "your-name",
}
PEOPLE = [
    "I am an AI researcher and my model is trained on news.",
    "BERT was used as a language model in that study.",
    "We asked the trained model to generate a response again.",
    "I cannot help you with your homework, sorry!",
    "My training as a nurse ends in May.",
]


@pytest.mark.parametrize(("text", "phrase"), CHAT.items())
def test_what_only_a_chat_assistant_writes(text: str, phrase: str, tmp_path: Path) -> None:
    """Each certain phrase is flagged with its id and the place where it stands."""
    flags = check_filter(LlmStyle, items_of([text]), tmp_path).to_pylist()
    found = [flag for flag in flags if flag["code"] == "llm-style.boilerplate"]
    assert [flag["detail"] for flag in found] == [f'{{"phrase":"{phrase}"}}']
    assert re.search(r"\w", text[found[0]["start"] : found[0]["end"]])


@pytest.mark.parametrize("text", PEOPLE)
def test_what_people_write_too(text: str, tmp_path: Path) -> None:
    """Sentences of people about models, help and training are not boilerplate."""
    assert check_filter(LlmStyle, items_of([text]), tmp_path).num_rows == 0


def test_weak_phrases_have_their_own_code(tmp_path: Path) -> None:
    """A polite closing is a note with a low score, in text and in table columns alike."""
    row = {"modality": "table", "text": None, "fields": '{"answer":"I hope this helps!"}', "size": 31}
    flags = check_filter(LlmStyle, items_of([row]), tmp_path).to_pylist()
    assert [(flag["code"], flag["field"], flag["score"]) for flag in flags] == [("llm-style.weak-phrase", "fields", 0.3)]


def test_the_word_score_abstains_below_a_hundred_words(tmp_path: Path) -> None:
    """The same words score in a text of a hundred words and are passed over in one of ninety."""
    cues = "a meticulous and pivotal study after all "
    rows = [cues + "word " * 83, cues + "word " * 93]
    flags = check_filter(LlmStyle, items_of(rows), tmp_path).to_pylist()
    assert [(flag["row"], flag["code"]) for flag in flags] == [(1, "llm-style.score")]
    assert flags[0]["score"] == word_score(2, 100) > 0.999
    assert '"cues":{"meticulous":1,"pivotal":1}' in flags[0]["detail"]


def test_longer_texts_need_more_words() -> None:
    """The score is a share of human texts: it falls with length and rises with distinct words."""
    assert word_score(1, 10_000) < word_score(1, 1_000) < word_score(1, 100) < word_score(2, 100)


def test_limits_are_said() -> None:
    """English only, uncalibrated, short texts: all three are told."""
    from acquisition.model import Use
    from acquisition.protocols import FilterContext

    said = " ".join(LlmStyle(LlmStyle.Settings(), FilterContext(Use(), {}, (), "")).not_checked())
    assert all(word in said for word in ("English", "not calibrated", "under 100 words"))


@given(st.text(alphabet="asn AI'’\u00a0\u017f\u212a\nlanguge modi", max_size=60))
def test_the_gate_loses_nothing(text: str) -> None:
    """Whatever a phrase finds with `re`, the column gate (RE2) has let through."""
    from acquisition.filters.llm_style.cues import compiled

    for phrases in (CERTAIN, WEAK):
        found = any(pattern.search(text) for _, pattern in compiled(phrases))
        passed = pc.match_substring_regex(pa.array([text]), one_of(phrases), ignore_case=True)[0].as_py()
        assert passed or not found
