"""llm_style: phrases with their places, what is quoted, a word score that abstains, and no threshold without a calibration."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.filters.llm_style import LlmStyle, artefacts, english, languages
from acquisition.filters.llm_style.phrases import Phrase, gate
from acquisition.filters.llm_style.words import STRONG, list_score, style_words
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import check_filter, items_of

PHRASES = [phrase for table in (english, artefacts, languages) for phrase in (*table.CERTAIN, *table.WEAK)]

CHAT = {
    "As an AI language model, I have no favourite.": "as-an-ai",
    "as an\nartificial intelligence assistant I would say": "as-an-ai",
    "Well, I’m just an AI, so no.": "i-am-an-ai",
    "I am a large language model and never tired": "i-am-a-language-model",
    "I was trained by OpenAI to be polite": "made-by",
    "That happened after my knowledge cutoff.": "my-cutoff",
    "I'm sorry, but I cannot fulfill that request.": "cannot-assist",
    "Results are shown below. Regenerate response": "regenerate-response",
    "see https://example.org/?utm_source=chatgpt.com": "chat-source",
    "as said turn0search12": "citation-turn",
    "Rainfall rose by a third. :contentReference[oaicite:3]{index=3}": "content-reference",
    "The dam was built in 1911【4†source】.": "source-bracket",
    "Kind regards, [Your Name]": "your-name",
    "I cannot generate content that promotes violence against anyone.": "refuses-content",
    "As of my last knowledge update in September 2021, he was mayor.": "last-update",
    "I don't have access to real-time information about the weather.": "real-time",
    "Certainly! Here is a revised version of your paragraph.": "certainly-here",
    "<|im_start|>assistant\nThe answer is nine.<|im_end|>": "chatml",
    "User: how far is it?\n\nAssistant: About nine miles.": "role-markers",
    "Als KI-Sprachmodell kann ich dazu keine Auskunft geben.": "as-an-ai.de",
    "En tant que modèle de langage, je ne peux pas donner d'avis.": "as-an-ai.fr",
    "Como modelo de lenguaje, no tengo opiniones.": "as-an-ai.es",
    "Como um modelo de linguagem de IA, não tenho sentimentos.": "as-an-ai.pt",
    "In quanto modello linguistico, non ho opinioni.": "as-an-ai.it",
    "Als AI-taalmodel heb ik geen mening.": "as-an-ai.nl",
    "Jako model językowy nie mam własnych poglądów.": "as-an-ai.pl",
    "Как языковая модель, я не имею собственного мнения.": "as-an-ai.ru",
    "作为一个人工智能语言模型，我无法提供医疗建议。": "as-an-ai.zh",
    "AI言語モデルとして、個人的な意見は持っていません。": "as-an-ai.ja",
    "저는 AI 언어 모델이기 때문에 개인적인 의견이 없습니다.": "i-am-an-ai.ko",
    "بصفتي نموذجًا لغويًا، لا أستطيع تقديم رأي.": "as-an-ai.ar",
    "Bir yapay zeka dil modeli olarak kişisel görüşüm yok.": "as-an-ai.tr",
    "Jako jazykový model AI nemohu soudit.": "as-an-ai.cs",
    "I’m sorry, but I can’t help with that.": "whole-refusal",
    "It is not possible for me, as an AI, to taste bread.": "for-me-as-an-ai",
    "This prompt may violate our content policy.": "may-violate",
    "As a digital assistant I do not have personal taste.": "as-an-assistant",
    "I cannot create material that depicts such acts.": "refuses-content",
    "Sure, below is a list of 12 walks in Wales:\n\n1. Neath": "handed-over",
    "我是由OpenAI训练的大型语言模型。": "i-am-a-model.zh",
    "Xin lỗi, nhưng tôi không thể thực hiện yêu cầu này.": "cannot.vi",
    "Maaf, saya tidak bisa memenuhi permintaan itu.": "cannot.id",
    "Beklager, men jeg kan ikke hjelpe deg med denne forespørselen.": "cannot.no",
    "Vrijdag? Nee. Als AI heb ik geen agenda.": "as-an-ai.nl",
    "Sure! Here are three short titles for your walk through Ghent:\n\n1. Bells and Bridges": "handed-over",
    "Gerne! Hier ist eine kürzere Fassung:\n\nEs regnete.": "handed-over",
    "Elbette! İşte şiirin özeti:\n\nYağmur.": "handed-over",
}
PEOPLE = [
    "I am an AI researcher and my model is trained on news.",
    "BERT was used as a language model in that study.",
    "We asked the trained model to generate a response again.",
    "I cannot help you with your homework, sorry!",
    "My training as a nurse ends in May.",
    "Als Assistent der Geschäftsführung habe ich viel zu tun.",
    "作为助理，我每天整理会议记录。",
    "Como asistente social, no tengo un día igual a otro.",
    "I was trained by Microsoft in 2004 and stayed nine years.",
    "I'm sorry, I can't assist with that today, the porter is ill.",
    "Sure! Here's a list of what you need:\n\n- oars",
    "Sure! Here's my address:\n\n9 Mill Lane",
    "Sure, I've attached a draft of the lease:\n\nThe tenant pays in May.",
    "I'm sorry, but I can't help with that. Ask the porter, he has the key.",
]
TOLD = {
    'The abstract began with "As an AI language model, I cannot access the data" and nobody noticed.': "quoted",
    "Reviewers found papers that say as an AI language model I do not have access to the tables.": "reported",
    "ChatGPT, as an AI language model, has no memory of earlier talks.": "about",
    "The tag `<|im_start|>` opens a turn.": "quoted",
    "„Als KI-Sprachmodell kann ich das nicht“, stand in der Seminararbeit.": "quoted",
    "»Als KI-Sprachmodell kann ich das nicht«, stand da.": "quoted",
    "”Som en AI-språkmodell kan jag inte svara”, stod det.": "quoted",
    "She asked again, and the screen said: I am sorry, as an AI language model I cannot vote.": "reported",
    "Copy this letter template and replace [Your Name] before you send it.": "template",
}


def flags(text: str, folder: Path) -> list[dict[str, object]]:
    """Return what is said of one text."""
    return [
        {**flag, "detail": orjson.loads(flag["detail"])}
        for flag in check_filter(LlmStyle, items_of([text]), folder).to_pylist()
    ]


@pytest.mark.parametrize(("text", "phrase"), CHAT.items())
def test_what_only_a_chat_assistant_writes(text: str, phrase: str, tmp_path: Path) -> None:
    """Each certain phrase is flagged with its id, its source and the place where it stands."""
    found = [flag for flag in flags(text, tmp_path) if flag["code"] == "llm-style.boilerplate"]
    details = {detail["phrase"]: detail for flag in found if isinstance(detail := flag["detail"], dict)}
    assert phrase in details
    assert details[phrase]["source"]
    assert details[phrase]["tier"] == "certain"
    start, end = found[0]["start"], found[0]["end"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert re.search(r"\w", text[start:end])


@pytest.mark.parametrize("text", PEOPLE)
def test_what_people_write_too(text: str, tmp_path: Path) -> None:
    """Sentences of people about models, help and training are not boilerplate."""
    assert "llm-style.boilerplate" not in {flag["code"] for flag in flags(text, tmp_path)}


@pytest.mark.parametrize(("text", "way"), TOLD.items())
def test_phrases_that_are_spoken_of_are_notes(text: str, way: str, tmp_path: Path) -> None:
    """A quotation, a report, a description and a template keep their phrase as a note that says why it is only that."""
    found = flags(text, tmp_path)
    assert {flag["code"] for flag in found} == {"llm-style.weak-phrase"}
    assert way in {flag["detail"].get("told") for flag in found}  # type: ignore[attr-defined]  # a dict


def test_an_answer_saved_with_its_quotation_marks_is_no_quotation(tmp_path: Path) -> None:
    """Marks around the whole text do not hide what is in it."""
    assert "llm-style.boilerplate" in {flag["code"] for flag in flags('"As an AI language model, I cannot say."', tmp_path)}


def test_an_opening_and_a_closing_make_an_answer(tmp_path: Path) -> None:
    """An assistant's opening with an assistant's closing is boilerplate; either of them alone is a note."""
    body = " Use warm water and a soft brush, then let it dry in the shade for a day. "
    whole = "Sure! Here's how to clean felt." + body + "Let me know if you have any other questions."
    assert "llm-style.boilerplate" in {flag["code"] for flag in flags(whole, tmp_path)}
    assert "llm-style.boilerplate" not in {flag["code"] for flag in flags("Sure! Here's how to clean felt." + body, tmp_path)}
    assert "llm-style.boilerplate" not in {
        flag["code"] for flag in flags(body + "Let me know if you have any other questions.", tmp_path)
    }


def test_weak_phrases_have_their_own_code(tmp_path: Path) -> None:
    """A polite closing is a note with a low score, in text and in table columns alike."""
    row = {"modality": "table", "text": None, "fields": '{"answer":"I hope this helps!"}', "size": 31}
    found = check_filter(LlmStyle, items_of([row]), tmp_path).to_pylist()
    assert [(flag["code"], flag["field"], flag["score"]) for flag in found] == [("llm-style.weak-phrase", "fields", 0.3)]


def test_the_word_score_abstains_below_a_hundred_words(tmp_path: Path) -> None:
    """The same words score in a text of a hundred words and are passed over in one of ninety; the score is a note."""
    cues = "a meticulous and pivotal study after all "
    rows = [cues + "word " * 83, cues + "word " * 93]
    found = check_filter(LlmStyle, items_of(rows), tmp_path).to_pylist()
    assert [(flag["row"], flag["code"]) for flag in found] == [(1, "llm-style.score")]
    detail = orjson.loads(found[0]["detail"])
    assert detail["calibrated"] is False
    assert detail["cues"] == {"meticulous": 1, "pivotal": 1}
    assert "llm-style.score" in LlmStyle.notes


def test_the_list_names_its_origin_and_holds_both_papers() -> None:
    """All 24 words of the one paper and about 400 of the other are there, with weights from 0 to 4."""
    lists = style_words()
    assert len(lists.gray) == 24
    assert len(lists.weights) > 400
    assert all(0 <= weight <= 4 for weight in lists.weights.values())
    assert lists.weights["delves"] > STRONG > lists.weights["these"]
    assert list_score(["delves"] * 2 + ["stone"] * 98) == pytest.approx(2 * lists.weights["delves"])


def test_limits_are_said() -> None:
    """Uncalibrated, short texts, languages, no detector: all are told."""
    said = " ".join(LlmStyle(LlmStyle.Settings(), FilterContext(Use(), {}, (), "")).not_checked())
    assert all(word in said for word in ("uncalibrated", "under 100 words", "ja", "no model-based detector"))


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.name)
def test_every_phrase_is_well_formed(phrase: Phrase) -> None:
    """A phrase names its source, and its pattern and its gate are understood by `re` and by RE2."""
    assert phrase.source
    assert phrase.anchors
    assert all(anchor == anchor.lower() for anchor in phrase.anchors)
    assert phrase.expression.pattern
    assert pc.match_substring_regex(pa.array(["nothing of the kind 123"]), gate([phrase]), ignore_case=True)[0].as_py() is False


@given(st.data())
def test_the_gate_and_the_anchors_lose_nothing(data: st.DataObject) -> None:
    """Whatever a pattern matches has passed the gate of the column and holds one of the pattern's anchors."""
    phrase = data.draw(st.sampled_from(PHRASES))
    text = data.draw(st.from_regex(phrase.expression))
    match = phrase.expression.search(text)
    if match is None or "\x00" in text:
        return
    lowered = " ".join(text.lower().replace("\u2019", "'").replace("\u02bc", "'").split())
    assert pc.match_substring_regex(pa.array([text]), gate([phrase]), ignore_case=True)[0].as_py()
    assert any(anchor in lowered for anchor in phrase.anchors)


@given(st.text(alphabet="asn AI'’\u00a0\u017f\u212a\nlanguge modi", max_size=60))
def test_odd_letters_pass_the_gate_as_well(text: str) -> None:
    """Letters whose other case is another letter are read alike by both machines."""
    for phrase in english.CERTAIN:
        if phrase.expression.search(text):
            assert pc.match_substring_regex(pa.array([text]), gate([phrase]), ignore_case=True)[0].as_py()


@pytest.mark.parametrize(
    "text", ["as an ai " * 60_000, "[inst] " * 80_000, "a" * 2_000_000, "I am sorry, but I cannot " * 30_000]
)
def test_long_and_hostile_texts_end_soon(text: str, tmp_path: Path) -> None:
    """Half a megabyte that is all phrase, or none, is looked at in bounded time and gives a bounded number of flags."""
    found = check_filter(LlmStyle, items_of([text]), tmp_path)
    assert found.num_rows <= 150
