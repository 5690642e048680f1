"""quality of texts, each code by itself, and what hostile text costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.filters.flags import FlagRows
from acquisition.filters.quality import Quality, QualitySettings, TextQuality
from acquisition.filters.quality.markup import flag_markup
from acquisition.filters.quality.repetition import REPEATED, flag_repetition
from acquisition.filters.quality.texts import count_letters
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import check_filter, items_of

PROSE = "The ferry leaves at seven, and the baker on the quay opens half an hour before. Nobody had told her that."


def flags_of(rows: list[dict[str, Any] | str], folder: Path, settings: QualitySettings | None = None) -> list[dict[str, Any]]:
    """Return the flags of some texts, the contract checked."""
    found: list[dict[str, Any]] = check_filter(Quality, items_of(rows), folder, settings=settings).to_pylist()
    return found


def codes(text: str, folder: Path, settings: QualitySettings | None = None, **more: Any) -> set[str]:
    """Return the codes of one text."""
    return {flag["code"].removeprefix("quality.") for flag in flags_of([{"text": text, **more}], folder, settings)}


@pytest.mark.parametrize(
    ("text", "written", "read"),
    [
        ("Le café où l'élève a oublié son thé était fermé à midi.", "utf-8", "cp1252"),
        ("Über den Dächern hing früh der Nebel, schön und grün.", "utf-8", "latin-1"),
        ("Паром уходит в семь часов утра от пристани.", "utf-8", "cp1251"),
        ("Паром уходит в семь часов утра от пристани.", "cp1251", "latin-1"),
        ("Паром Уходит в семь часов утра от Пристани, а Пекарь открывает лавку.", "koi8-r", "cp1251"),
        ("渡船七点开，码头上的面包店早半个小时开门。", "gbk", "latin-1"),
        ("Η βροχή στην κοιλάδα ήταν λιγότερη φέτος.", "cp1253", "latin-1"),
    ],
)
def test_wrong_encodings_are_seen(text: str, written: str, read: str, tmp_path: Path) -> None:
    """Text that was read in another encoding than it was written in is damaged; as it was written it is not."""
    assert codes(text.encode(written).decode(read, "ignore"), tmp_path) == {"encoding-damage"}
    assert codes(text, tmp_path) == set()


def test_lost_letters_are_not_questions(tmp_path: Path) -> None:
    """Question marks inside words are lost letters, those at ends of sentences and in addresses are not."""
    assert codes("L'?t? dernier, l'?l?ve a oubli? son th? au caf?.", tmp_path) == {"encoding-damage"}
    assert codes("Ready?go now! Is it late?no. See http://a.example/x?y=1 and http://b.example/q?z=2 then.", tmp_path) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n".join([PROSE] * 5), True),
        (f"{PROSE}\n" + "Read more\n" * 12, True),
        ("buy now " * 30, True),
        ("ха" * 100, True),
        ("渡船七点开，码头上的面包店早半个小时开门。" * 6, True),
        (PROSE, False),
        ("I came, I saw, I left. I came again, I saw it new, I stayed for good and for the tea.", False),
    ],
)
def test_repetition(text: str, expected: bool, tmp_path: Path) -> None:
    """Lines, runs of words and loops of letters that say the same are told, a figure of speech is not."""
    assert ("repetition" in codes(text, tmp_path)) is expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["one", "two", "three", "four", "five six"]), min_size=60, max_size=200), st.integers(0, 3))
def test_the_gate_of_repetition_loses_nothing_that_is_mostly_copied(words: list[str], seed: int) -> None:
    """Whatever the words, a text of which half is a copy of the other half is told."""
    text = " ".join(f"{word}{(at * (seed + 7)) % 53}" for at, word in enumerate(words))
    flags = FlagRows(items := items_of([f"{text} {text}"]))
    flag_repetition(items.column("text"), np.array([True]), flags)
    assert flags.batch().num_rows == 1
    assert min(REPEATED.values()) < 0.5


@pytest.mark.parametrize(
    "text",
    [
        f"<p>{PROSE}</p>",
        f"{PROSE}&nbsp;{PROSE[:50]}",
        f"{PROSE} <script>var x = 1;</script>",
        '{"title": "The pier", "id": 17, "draft": false, "tags": ["a"]}',
        f"== History ==\n[[Pier|The pier]] {{{{cite web}}}} {PROSE}",
        f"\\section{{Pier}} \\begin{{quote}}{PROSE}\\end{{quote}} \\cite{{x}}",
        f"[b]{PROSE}[/b] [url=x]y[/url]",
        f".nav {{ color: red; margin: 0; }} {PROSE}",
    ],
)
def test_markup_left_in_texts(text: str, tmp_path: Path) -> None:
    """Residue of each kind of markup is told; in a file of markup it is what the file is."""
    assert "markup" in codes(text, tmp_path)
    assert "markup" not in codes(text, tmp_path, locator="page.html", media_type="text/html")


def test_signs_of_prose_are_no_markup(tmp_path: Path) -> None:
    """Comparisons, ampersands, sets and quoted tags are prose."""
    for text in ("If a < b and c > d, then A & B; see {1, 2}.", "Use `<b>bold</b>` for bold, said the tutor to the class."):
        assert codes(text, tmp_path) == set()


def test_a_language_is_judged_only_where_some_are_expected(tmp_path: Path) -> None:
    """A text in another language is flagged when languages are declared, with 1 less their probability as score."""
    german = "Über den Dächern hing Nebel, als die Männer die schweren Körbe zum Markt trugen."
    assert codes(german, tmp_path) == set()
    english = QualitySettings(text=TextQuality(languages=("en",)))
    flags = flags_of([german, PROSE], tmp_path, english)
    assert [(flag["row"], flag["code"]) for flag in flags] == [(0, "quality.language")]
    assert flags[0]["score"] > 0.9
    assert codes(german, tmp_path, QualitySettings(text=TextQuality(languages=("en", "de")))) == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Lorem ipsum dolor sit amet, consectetur adipiscing elit.", "boilerplate"),
        ("xkqvz wrtpl mnbvc qwrtz plkjh grtwq zxcvb", "gibberish"),
        ("Diese Seite verwendet Cookies.", "boilerplate"),
        ("This page requires JavaScript, please turn on JavaScript.", "boilerplate"),
        ("Página não encontrada. Volte ao início.", "boilerplate"),
        ("<note><to>Mira</to><re>ferry</re></note>", "markup"),
        ("★★★★★ ☆☆☆ ►►► ◄◄◄ ♥♥♥ ♦♦♦ ♣♣♣ ✓✓✓ ✗✗✗", "symbols"),
        ("买" * 30, "repetition"),
        ("#### **** |||| >>>> $$$$ ==== ++++ ~~~~", "symbols"),
        ("THE FERRY LEAVES AT SEVEN AND THE BAKER ON THE QUAY OPENS BEFORE", "capitals"),
        ("ok then", "too-short"),
    ],
)
def test_other_codes(text: str, code: str, tmp_path: Path) -> None:
    """Each of the smaller codes has its text, and prose has none of them."""
    assert codes(text, tmp_path) == {code}
    assert codes(PROSE, tmp_path) == set()


@pytest.mark.parametrize(
    "text",
    [
        "Mira Olsen\nNordlys AS\n50668 Havnegata 98, Apt. 105, 5003 Bergen\nMobile: 03.93.92.16.85\nFax: 9498 7771",
        "Date: 1978-04-13 12:20:39\nName: Tomo Arata\nPhone: 0490 75 40 81",
        "Dree Jolan\nPaxa\nPSC 3294, Box 9168\nAPO AA 61487\n416 60 039 office\n+46 (0)8 928 571 38 fax\n+1-984-182-0190 mob.",
        "40, Private, 121772, Assoc-voc, 11, Married, Craft-repair, Husband, Islander, Male, 0, 0, 40, ?, >50K",
        "3... 2... 1... liftoff!",
        "#harbour #morning #ferry: the 7:40 to the island, gate 3, and coffee for 2 euros 50",
    ],
)
def test_records_and_addresses_are_no_symbols(text: str, tmp_path: Path) -> None:
    """Lines of which half are numbers are normal where the rest are words."""
    assert "symbols" not in codes(text, tmp_path)


def test_a_phrase_said_twice_is_no_repetition(tmp_path: Path) -> None:
    """In a few dozen words one phrase that is said again is a sixth of them; a sentence said thrice is most of them."""
    text = "You guys ever figure out how much we need for the ferry? Jay and I are trying to figure out how much we can spend."
    assert "repetition" not in codes(text, tmp_path)
    assert "repetition" in codes("The ferry leaves at seven today. " * 3, tmp_path)


def test_a_longer_text_among_short_ones_is_not_too_long(tmp_path: Path) -> None:
    """Far above the others is only what is long by itself: a page among messages is not, a book is."""
    rows: list[dict[str, Any] | str] = [f"Message {at}: the ferry is late again." for at in range(60)]
    assert "quality.too-long" not in {flag["code"] for flag in flags_of([*rows, PROSE * 20], tmp_path)}


@given(st.lists(st.text(max_size=40), max_size=8))
def test_letters_are_counted_as_python_counts_them(texts: list[str]) -> None:
    """Capitals and signs agree with a plain count, in a slice of a column as in the whole; drawn signs and emoji are signs."""
    plain = [text.encode("utf-8", "replace").decode() for text in texts]
    column = pa.array(["skipped", *plain], pa.large_string()).slice(1)
    counted = count_letters(column)
    assert counted.capitals.tolist() == [sum(sign.isascii() and sign.isupper() for sign in text) for text in plain]
    signs = [
        sum(
            sign.encode()[0] in (0xE2, 0xF0) or (sign.isascii() and sign.isprintable() and not sign.isalpha() and sign != " ")
            for sign in text
        )
        for text in plain
    ]
    assert counted.others.tolist() == signs


def test_long_blocks_are_counted_to_their_end() -> None:
    """A text that spans blocks and one that begins in the middle of another are counted right."""
    column = pa.array(["A" * 1_500_000, "b!" * 400_000, "", "C"], pa.large_string())
    counted = count_letters(column)
    assert counted.capitals.tolist() == [1_500_000, 0, 0, 1]
    assert counted.others.tolist() == [0, 400_000, 0, 0]


@pytest.mark.parametrize(
    "piece", ["<a ", "{", "`a<b", "[[", "\\n", "=", '"a":', "var x=", "é?é", "Ã©", "bcdfg", "w-", "\x00", "вАА"]
)
def test_five_megabytes_of_anything_are_soon_done(piece: str) -> None:
    """No pattern explodes: five megabytes of what each of them begins with take well under ten seconds."""
    made = Quality(QualitySettings(), FilterContext(Use(), {}, ("source",), ""))
    items = items_of([piece * (5_000_000 // len(piece.encode()))])
    begun = time.process_time()
    made.sign(items)
    assert time.process_time() - begun < 10


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=200), max_size=6))
def test_any_text_is_signed_the_same_twice(texts: list[str]) -> None:
    """Whatever a text holds, it is signed without an error and the same again."""
    made = Quality(QualitySettings(), FilterContext(Use(), {}, ("source",), ""))
    items = items_of([*texts])
    assert made.sign(items).equals(made.sign(items))


def test_markup_needs_its_sign() -> None:
    """A column without any of the signs is not looked at text by text."""
    flags = FlagRows(items := items_of([PROSE] * 3))
    flag_markup(items.column("text"), np.ones(3, bool), flags)
    assert flags.batch().num_rows == 0
