"""The fast analyzer finds what presidio's own engine finds: compared one by one, on random, adversarial and real texts."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import presidio_analyzer.predefined_recognizers as predefined
import pyarrow as pa
import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.recognizer_registry import RecognizerRegistry

from acquisition.filters.pii import engine, engine_patterns, engine_texts
from acquisition.filters.pii.engine import Analyzer, reference
from acquisition.filters.pii.engine_context import blank_engine
from acquisition.filters.pii.gate import have_hyperscan
from acquisition.filters.pii.windows import Reach, Window, windows

DATA = Path(__file__).parents[2].parent / "shared" / "data"
ENGINES = [pytest.param(True, marks=pytest.mark.skipif(not have_hyperscan(), reason="hyperscan is not installed")), False]
SETS = [
    pytest.param(
        name, hyperscan, marks=pytest.mark.skipif(hyperscan and not have_hyperscan(), reason="hyperscan is not installed")
    )
    for name, hyperscan in (
        ("en", True),
        ("en", False),
        ("es", True),
        ("it", False),
        ("pl", True),
        ("all", True),
        ("all", False),
    )
]
"""Whose recognizers, and whether with Hyperscan."""
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

KINDS = (
    "212-555-5555",
    "+44 20 7946 0958",
    "(030) 901820-17",
    "+1 800 555 0123 ext. 77",
    "0171 1234567/0171 7654321",
    "12(3): 211-227 (2003)",
    "2012-01-02 08:00:15",
    "4111 1111 1111 1111",
    "4012888888881881",
    "378282246310005",
    "536-90-4399",
    "912-70-1234",
    "943 476 5919",
    "DE89370400440532013000",
    "GB82 WEST 1234 5698 7654 32 and",
    "joe.o'neil+x@mail.example.co.uk",
    "a@b.invalidtld",
    "8.8.8.8/24",
    "::ffff:10.0.0.1",
    "2001:db8::8a2e:370:7334",
    "00:1A:2B:3C:4D:5E",
    "0012.3456.789A",
    "https://www.example.com/a?b=c",
    '"www.example.org"',
    "end.It is",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "2020-01-02T10:11:12Z",
    "12/31/1999",
    "JAN-99",
    "123e4567-e89b-12d3-a456-426614174000",
    "A1234567",
    "BB1388568",
    "12345678901",
    "12345678Z",
    "X1234567L",
    "RSSMRA85T10A562S",
    "01333550323",
    "44051401458",
    "CLM-123456",
    "prescription number: 1234567",
    "B-MW 1234",
    "HRB   123",
    "SW1A 1AA",
    "110101/123456",
    "900101-1234567",
)
WORDS = [
    "phone",
    "call",
    "number",
    "bank",
    "account",
    "us",
    "passport",
    "driver",
    "license",
    "lic",
    "email",
    "ip",
    "date",
    "ssn",
    "social",
    "card",
    "nhs",
    "url",
    "link",
    "tax",
    "id",
    "iva",
    "pesel",
    "the",
    "and",
    "of",
    "house",
    "public",
    "ab:us",
    "12:30",
    "be",
    "-PRON-",
    "don't",
    ":)",
    "US:",
    "NIF",
    "número",
    "identità",
    "straße",
    "ελληνικός",
    "İstanbul",
    "Kelvin",
    "ſsn",
    "ok.",
    "x",
    "ext",
]
GLUE = (
    " ",
    " ",
    " ",
    "",
    "\n",
    "\r\n",
    ", ",
    ": ",
    "/",
    ".",
    "-",
    "\t",
    "\x00",
    "\u200b",
    "\u00a0",
    "é",
    "🙂",
    "٣",
    "_",
    "x",
    "K",
    "#",
)


def predefined_set(name: str) -> list[EntityRecognizer]:
    """Return presidio's default recognizers of a language, or every predefined one that can be made here, read as English."""
    if name != "all":
        registry = RecognizerRegistry(supported_languages=[name])
        registry.load_predefined_recognizers(languages=[name], nlp_engine=blank_engine([name]))
        return list(registry.recognizers)
    kinds: list[Any] = [
        kind for _, kind in inspect.getmembers(predefined, inspect.isclass) if issubclass(kind, EntityRecognizer)
    ]
    made: list[EntityRecognizer] = []
    for kind in kinds:
        try:
            made.append(kind(supported_language="en"))
        except Exception:  # noqa: BLE001 - whatever a recognizer lacks here (a model, a key), it is not compared
            continue
    return [one for one in made if type(one).__name__ not in ("StanzaRecognizer", "TransformersRecognizer")]


@cache
def pair(name: str, hyperscan: bool) -> tuple[Analyzer, AnalyzerEngine, str]:
    """Return our analyzer, presidio's, and the language."""
    recognizers = predefined_set(name)
    language = "en" if name == "all" else name
    return Analyzer(recognizers, languages=(language,), hyperscan=hyperscan), reference(recognizers, language), language


def plain(found: Sequence[RecognizerResult]) -> list[tuple[str, int, int, float]]:
    """Return what is compared."""
    return [(one.entity_type, one.start, one.end, one.score) for one in found]


def compare(texts: list[str], name: str, hyperscan: bool) -> int:
    """Compare all texts, as a batch and (some) alone; return how many findings there were."""
    ours, theirs, language = pair(name, hyperscan)
    count = 0
    for row, (text, found) in enumerate(zip(texts, ours.analyze_batch(texts, language), strict=True)):
        expected = plain(theirs.analyze(text, language))
        assert plain(found) == expected, (name, text)
        assert found.gave_up == ()
        if row % 7 == 0:
            assert plain(ours.analyze(text, language)) == expected, (name, text)
        count += len(expected)
    return count


def made_text(rng: random.Random) -> str:
    """Return words and things that look like personal data, changed here and there, glued in strange ways."""
    parts = []
    for _ in range(rng.randrange(1, 14)):
        part = rng.choice(WORDS) if rng.random() < 0.5 else rng.choice(KINDS)
        if rng.random() < 0.3:
            place = rng.randrange(len(part) + 1)
            part = part[:place] + rng.choice(GLUE) + part[place + rng.randrange(2) :]
        if rng.random() < 0.5:
            part = "".join(rng.choice("0123456789") if letter.isdigit() and rng.random() < 0.5 else letter for letter in part)
        if rng.random() < 0.1:
            part = part.swapcase()
        parts += [part, rng.choice(GLUE)]
    return "".join(parts)


@pytest.mark.parametrize(("name", "hyperscan"), SETS)
def test_made_texts(name: str, hyperscan: bool) -> None:
    """Texts made of words and of whole, broken and glued identifiers give the same findings."""
    rng = random.Random(f"{name} {hyperscan}")
    assert compare([made_text(rng) for _ in range(60 if name != "all" else 30)], name, hyperscan) > 20


@pytest.mark.parametrize(("name", "hyperscan"), SETS)
@QUICK
@given(
    st.lists(
        st.text(
            alphabet=st.sampled_from("0123456789 -./:@+()xXaAzZkKsSiI\n\r\t_,#'\"٣۴é\u212a\u017fıİ\u200b\x00🙂߀"), max_size=90
        ),
        max_size=3,
    )
)
def test_random_texts(name: str, hyperscan: bool, texts: list[str]) -> None:
    """Texts of digits, separators, odd digits and letters that fold into ASCII give the same findings."""
    compare(texts, name, hyperscan)


ADVERSARIAL: dict[str, str] = {
    "nothing": "",
    "one long run of digits": "4" * 1500,
    "digits in groups": "123 456 7890 " * 60,
    "digits and dots": "1.2.3.4." * 150,
    "dates without end": "01-02-2003-" * 100,
    "one line of 50 KB": "word " * 5000 + "call 212-555-5555 " + "word " * 5000,
    "matches side by side": "".join(f"{kind} " for kind in KINDS) * 3,
    "matches without anything between": "".join(KINDS),
    "unicode digits": "٠١٢٣٤٥٦٧٨٩ ٠١٢٣٤٥٦٧٨ 536-٩٠-4399 ١٢/٣١/١٩٩٩",
    "wide digits": "２１２-５５５-５５５５ ＋４４ ２０ ７９４６ ０９５８",
    "zero width": "212\u200b-555-\u200b5555 joe\u200b@example.com 4111\u20601111\u20601111\u20601111",
    "line ends": "ssn\r\n536-90-4399\r\nphone\r\n212-555-5555\r",
    "NUL": "\x00536-90-4399\x00joe@example.com\x00",
    "emoji": "🙂212-555-5555🙂 joe@example.com🙂 ::1🙂",
    "context cut by a colon": "us be: the:us a:b passport:us us 123456789 of:the the of us be A12345678",
    "context far away": "passport " + "the of and " * 60 + "123456789",
    "context too far away": "passport " + "harbour plan spring talk " * 2 + "123456789",
    "context behind": "123456789 passport. 123456789, the passport",
    "an address without end": "a." * 150 + "com",
    "a mail address without end": "a" * 300 + "@" + "b." * 100 + "com",
    "quotes": '"' * 300 + "www.example.com" + "'" * 300,
    "letters that fold": "\u212a1234567 \u017fA123456 İ1234567 ı1234567 example.\u212ar joe@example.\u017fe",
    "number with brackets": "(((212) 555-5555))) [+44 (0)20 7946 0958] (+(+49 30 901820",
    "plus and no country": "+0 212 555 5555 +011 44 20 7946 0958 +999 1234567 ++1 212 555 5555",
    "timestamps": "2012-01-02 08:00 2012-01-02 08:00:15 2125555555:30 3/10/2011 31/10/96",
    "extensions": "212-555-5555 x1234 212-555-5555      ext 99 1 ext 2125555555 12 int 2125555555 21 2125555555#",
    "colons": ":" * 500 + "1::" + ":" * 500,
    "spaces": " " * 3000 + "212-555-5555" + " " * 3000,
}


@pytest.mark.parametrize(("name", "hyperscan"), SETS)
def test_adversarial_texts(name: str, hyperscan: bool) -> None:
    """Texts made to break windows, boundaries, folding, tokens or counting give the same findings."""
    texts = list(ADVERSARIAL.values())
    if name == "all":
        # One of these recognizers looks ahead without end at every place, which takes presidio minutes on long texts.
        texts = [text[:1500] for text in texts]
    assert compare(texts, name, hyperscan) > 20


@pytest.mark.parametrize("hyperscan", ENGINES)
def test_a_match_at_every_distance_from_another(hyperscan: bool) -> None:
    """Two matches give the same findings at every distance, so at every place of a window's border."""
    texts = [
        f"{'q' * before} 536-90-4399{gap * count}{kind}"
        for kind in KINDS
        for gap in (" ", "1", ".")
        for count in (0, 1, 2, 7, 40)
        for before in (0, 3)
    ]
    assert compare(texts, "en", hyperscan) > 500


def test_real_texts() -> None:
    """Files that people wrote give the same findings."""
    files = sorted(path for pattern in ("*.txt", "*.csv", "*.md", "*.html", "*.json*", "*.tsv") for path in DATA.rglob(pattern))
    if not files:
        pytest.skip("there is no ../shared/data here")
    rng = random.Random(1)
    texts = []
    for path in rng.sample(files, min(40, len(files))):
        content = path.read_bytes()[:200_000].decode("utf-8", "replace")
        texts += [content[start : start + 1500] for start in (0, len(content) // 3, len(content) // 2)]
    assert compare(texts, "en", have_hyperscan()) > 20
    assert compare(texts[::6], "it", False) >= 0


@pytest.mark.parametrize("hyperscan", ENGINES)
def test_a_text_with_more_failures_than_the_matcher_bears(hyperscan: bool) -> None:
    """Phonenumbers stops after 65,535 failed candidates in a text; so do we, at the same one."""
    recognizers = [predefined.PhoneRecognizer(supported_regions=("US", "DE"))]
    group = "1 " * 20 + "a "
    texts = [group * count + "call 212-555-5555, +44 20 7946 0958" for count in (10, 2500, 3200)]
    ours = Analyzer(recognizers, hyperscan=hyperscan, seconds=600)
    theirs = reference(recognizers, seconds=600)
    assert [plain(found) for found in ours.analyze_batch(texts)] == [plain(theirs.analyze(text, "en")) for text in texts]


class _Shouting(EntityRecognizer):
    """A recognizer about which nothing is known."""

    def load(self) -> None:
        """Load nothing."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """Find words in capitals, from the tokens."""
        return [
            RecognizerResult("SHOUT", token.idx, token.idx + len(token), 0.4)
            for token in nlp_artifacts.tokens
            if token.is_upper
        ]


def _own(regexes: list[str], flags: int = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE, **more: Any) -> PatternRecognizer:
    patterns = [Pattern(f"p{place}", text, 0.3) for place, text in enumerate(regexes)]
    return PatternRecognizer("OWN", patterns=patterns, global_regex_flags=flags, **more)


OWN: dict[str, Callable[[], EntityRecognizer]] = {
    "boundaries inside": lambda: _own([r"a\b.\bb", r"\b-\b", r"\B1\B", r"\b\W\d"]),
    "line starts": lambda: _own([r"^\d+", r"\w$", r"\Aab", r"b\Z", r"(?m)^.$"]),
    "without IGNORECASE": lambda: _own([r"[A-Z]{2}\d", r"é\d", r"(?i:ab)1"], regex.MULTILINE),
    "looking around": lambda: _own([r"(?<=a+)1", r"1(?=.*b)", r"(?<!\w)1(?!\w)", r"(?<=ab )1", r"(?<![1-3])a|(?<=b)1\b"]),
    "references": lambda: _own([r"(.)\1", r"(?:(a)|b)\1?1", r"(?P<x>[ab])(?P=x)"]),
    "lazy, possessive, atomic": lambda: _own([r"a+?b", r"a++b", r"(?>a|ab)1", r"(?:a|ab)*1", r"[ab]{2,}?1?"]),
    "everything": lambda: _own([r".", r"[^a]+", r"\s\S", r"\D\d?"]),
    "may be empty": lambda: _own([r"a*", r"(?:)", r"b?(?=1)"]),
    "only regex reads it": lambda: _own([r"(?:ab1){e<=1}", r"\p{Nd}{2}", r"(?V1)[[a-z]--[b]]1", r"(?|(a)|(b))1", r"\m1"]),
    "letters that fold": lambda: _own([r"k1", r"\bs\b", r"[i-k]{2}", r"[^k]s", r"ß"]),
    "a list of words": lambda: PatternRecognizer("WORDS", deny_list=["ab", "b 1", "é"], context=["a"]),
    "context": lambda: _own([r"\b\d{1,3}\b"], context=["b", "us", "ab:"]),
    "own thresholds": lambda: _with_thresholds(_own([r"\d+"], context=["a"])),
    "unknown": lambda: _Shouting(["SHOUT"]),
}


def _with_thresholds(recognizer: EntityRecognizer) -> EntityRecognizer:
    recognizer.score_thresholds = {"OWN": 0.5}
    return recognizer


@pytest.mark.parametrize("hyperscan", ENGINES)
@pytest.mark.parametrize("own", OWN)
@QUICK
@given(
    texts=st.lists(
        st.text(alphabet=st.sampled_from("aabb11  -.:\nAB2usé\u212ak\u017fsıi٣ßẞ"), max_size=40), min_size=1, max_size=4
    )
)
def test_recognizers_of_ones_own(own: str, hyperscan: bool, texts: list[str]) -> None:
    """Whatever pattern a recognizer is made of, and whatever is unknown about it, the findings are the same."""
    ours, theirs = _own_pair(own, hyperscan)
    assert [plain(found) for found in ours.analyze_batch(texts)] == [plain(theirs.analyze(text, "en")) for text in texts]


@cache
def _own_pair(own: str, hyperscan: bool) -> tuple[Analyzer, AnalyzerEngine]:
    recognizers = [OWN[own](), predefined.UsSsnRecognizer()]
    return Analyzer(recognizers, hyperscan=hyperscan), reference(recognizers)


def test_context_and_thresholds_of_a_call() -> None:
    """Context words beside the text and a threshold count as they do for presidio."""
    ours, theirs, _ = pair("en", have_hyperscan())
    text = "123456789 and 2125555555 and 10.0.0.1"
    for context in (None, ["Passport number"], ["nothing"], []):
        for threshold in (None, 0.0, 0.3, 0.5, 1.0):
            expected = plain(theirs.analyze(text, "en", context=context, score_threshold=threshold))
            assert plain(ours.analyze(text, context=context, score_threshold=threshold)) == expected


def test_the_enhancer_of_ones_own() -> None:
    """The settings of the context enhancer count: whole words, more words, other factors."""
    recognizers = predefined_set("en")
    for enhancer in (
        LemmaContextAwareEnhancer(context_matching_mode="whole_word"),
        LemmaContextAwareEnhancer(0.2, 0.6, context_prefix_count=1, context_suffix_count=3),
    ):
        ours = Analyzer(recognizers, enhancer=enhancer)
        theirs = reference(recognizers)
        theirs.context_aware_enhancer = enhancer
        rng = random.Random(3)
        for text in [made_text(rng) for _ in range(50)]:
            assert plain(ours.analyze(text)) == plain(theirs.analyze(text, "en")), text


@pytest.mark.parametrize("hyperscan", ENGINES)
def test_columns(hyperscan: bool) -> None:
    """Arrow columns of any string type, with nulls and in chunks, give the findings of their texts in their rows."""
    ours, theirs, _ = pair("en", hyperscan)
    texts = ["call 212-555-5555", None, "", "é joe@example.com", "nothing", "ssn 536-90-4399"]
    expected = [plain(theirs.analyze(text, "en")) if text else [] for text in texts]
    for column in (
        pa.array(texts),
        pa.array(texts, pa.large_string()),
        pa.chunked_array([texts[:2], [], texts[2:]], pa.string()),
        pa.array(["x", *texts, "y"]).slice(1, len(texts)),
        pa.array(texts).dictionary_encode(),
    ):
        assert [plain(found) for found in ours.analyze_batch(column)] == expected
    assert [row for row, _ in ours.found(pa.array(texts))] == [0, 3, 5]
    assert list(ours.found(pa.array([], pa.string()))) == []


def test_many_texts_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that are scanned in several pieces keep their rows."""
    monkeypatch.setattr(engine_texts, "_PIECE", 64)
    texts = [f"{'word ' * (row % 40)}ssn 536-90-4{row % 10}99" for row in range(200)]
    assert compare(texts, "en", have_hyperscan()) >= 200


@pytest.mark.parametrize("hyperscan", ENGINES)
def test_giving_up_is_said(hyperscan: bool) -> None:
    """A pattern that takes too long on a text is named with the findings of the others, and the next text is read as ever."""
    bomb = PatternRecognizer("BOMB", name="Bomb", patterns=[Pattern("bomb", r"(?:x+x+)+\b ?y", 0.5)])
    ours = Analyzer([bomb, predefined.UsSsnRecognizer()], hyperscan=hyperscan, seconds=0.2)
    first, second = ours.analyze_batch(["x" * 4000 + "y ssn 536-90-4399", "xx y ssn 536-90-4399"])
    assert first.gave_up == ("Bomb",)
    assert [one.entity_type for one in first] == ["US_SSN"]
    assert second.gave_up == ()
    assert {one.entity_type for one in second} == {"BOMB", "US_SSN"}


def test_the_comparison_notices_windows_without_margins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard itself: when windows are cut at their cores, the end of a longer number passes for a number, and it shows."""
    text = "123456789012345678901234 12345678"
    ours, theirs, _ = pair("en", True) if have_hyperscan() else pytest.skip("only offsets make windows")
    assert plain(ours.analyze(text)) == plain(theirs.analyze(text, "en"))
    monkeypatch.setattr(engine, "windows", _bare)
    assert plain(ours.analyze(text)) != plain(theirs.analyze(text, "en"))


def _bare(offsets: Sequence[int], reach: Reach, symbols: bytes) -> list[Window]:
    return [Window(one.first, one.last, one.first, one.last) for one in windows(offsets, reach, symbols)]


@pytest.mark.parametrize("hyperscan", ENGINES)
def test_lone_surrogates(hyperscan: bool) -> None:
    """A text with lone surrogates, on which presidio itself fails, gives what it gives with other characters in their place."""
    ours, theirs, _ = pair("en", hyperscan)
    text = "\ud800 social 536-90-4399 \udfff joe@example.com \ud800@example.com"
    expected = plain(theirs.analyze(text.replace("\ud800", "\ufffd").replace("\udfff", "\ufffd"), "en"))
    assert plain(ours.analyze(text)) == expected


def test_an_unknown_language() -> None:
    """A language without recognizers is refused, as presidio does."""
    ours, _, _ = pair("en", have_hyperscan())
    with pytest.raises(ValueError, match="fr"):
        ours.analyze("x", "fr")


def test_iban_reader_is_for_presidios_own_class_only() -> None:
    """A subclass with its own way of reading is not second-guessed."""

    class Own(predefined.IbanRecognizer):
        """Reads otherwise."""

        def analyze(self, *_args: Any, **_more: Any) -> list[RecognizerResult]:
            """Find nothing."""
            return []

    assert engine_patterns.pattern_reader(Own(), 0) is None
