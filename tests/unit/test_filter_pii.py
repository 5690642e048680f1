"""pii: what has a form is found with its place, what only looks like it is not, and nothing personal is repeated."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.filters.pii import Pii, PiiSettings
from acquisition.filters.pii.entities import code_of
from acquisition.filters.pii.finder import Finding, raised, weighed, without_overlaps
from acquisition.filters.pii.words import Spoken
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import check_filter, items_of

CONTEXT = FilterContext(Use(), {}, ("source",), "")


@pytest.fixture(scope="module")
def english() -> Pii:
    """The filter as it runs when nothing is declared."""
    return Pii(PiiSettings(), CONTEXT)


def found(made: Pii, text: str, column: str = "") -> list[tuple[str, str]]:
    """Return (entity, matched text) of all findings."""
    return [(one.rule.entity, text[one.start : one.end]) for one in made.findings(text, column)]


FORMS = {
    "Write to bob.smith@example.com today.": ("EMAIL_ADDRESS", "bob.smith@example.com"),
    "Her SSN is 536-22-8145.": ("US_SSN", "536-22-8145"),
    "paid with 4111 1111 1111 1111": ("CREDIT_CARD", "4111 1111 1111 1111"),
    "my card 5555555555554444 was lost": ("CREDIT_CARD", "5555555555554444"),
    "transfer to DE89 3704 0044 0532 0130 00": ("IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
    "reach me at (212) 555-0123": ("PHONE_NUMBER", "(212) 555-0123"),
    "ring +44 20 7946 0958 after six": ("PHONE_NUMBER", "+44 20 7946 0958"),
    "mobile: 0677 48 31 902": ("PHONE_NUMBER", "0677 48 31 902"),
    "the client ip was 8.8.8.8": ("IP_ADDRESS", "8.8.8.8"),
    "seen from 151.101.1.69 at night": ("IP_ADDRESS", "151.101.1.69"),
    "mac 3D:F2:C9:A6:B3:4F joined": ("MAC_ADDRESS", "3D:F2:C9:A6:B3:4F"),
    "send to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa now": ("CRYPTO", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    "NHS number 943 476 5919": ("UK_NHS", "943 476 5919"),
    "passport 912803456 expires": ("US_PASSPORT", "912803456"),
    "bank account 945456787654": ("US_BANK_NUMBER", "945456787654"),
    "key AKIAIOSFODNN7EXAMPLE leaked": ("SECRET", "AKIAIOSFODNN7EXAMPLE"),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.items())
def test_personal_data_that_has_a_form(text: str, expected: tuple[str, str], english: Pii) -> None:
    """Each form is found once, as what it is, exactly where it stands."""
    assert found(english, text) == [expected]


INNOCENT = [
    "order 9434765919 shipped",
    "at 1700000000 the job ended",
    "40.712776,-74.005974",
    "version 4.28.13.7 of the driver",
    "chrome 10.2.3.45",
    "192.168.0.10 and 127.0.0.1 are local",
    "on 2024-03-15T12:30:45Z",
    "ISBN 978-0-306-40615-7",
    "d41d8cd98f00b204e9800998ecf8427e",
    "550e8400-e29b-41d4-a716-446655440000",
    "see https://example.org/a/1234567890?b=536228145",
    "pi is 3.14159265358979",
    "4111 1111 1111 1112",
    "std::vector<int> x; // 10:20:30",
    "bob@localhost and @bob",
    "ranges 1914-1918 and 1939-1945",
    "2 1 530101 38.50 66 28 3 3 0 2 5 4",
]


@pytest.mark.parametrize("text", INNOCENT)
def test_numbers_that_only_look_personal(text: str, english: Pii) -> None:
    """Ids, times, places, versions, digests and local addresses are not flagged."""
    assert found(english, text) == []


def test_flags_carry_place_and_reason_but_not_the_value(tmp_path: Path) -> None:
    """The span is in characters, the detail says how it was checked and where context stood."""
    text = "Größe 😀: bob@example.com, phone 020 7946 0958"
    flags = check_filter(Pii, items_of([text]), tmp_path).to_pylist()
    assert [(flag["code"], text[flag["start"] : flag["end"]]) for flag in flags] == [
        ("pii.email-address", "bob@example.com"),
        ("pii.phone-number", "020 7946 0958"),
    ]
    assert orjson.loads(flags[0]["detail"]) == {
        "base": 0.95,
        "context": "none",
        "recogniser": "OfflineEmailRecognizer",
        "validated": "pass",
    }
    assert orjson.loads(flags[1]["detail"])["context"] == "text"


def test_names_and_addresses_are_looked_through_for_mail(tmp_path: Path) -> None:
    """Title and author are read like texts; a file name or web address is flagged for an e-mail address and nothing else."""
    rows = [
        {"title": "write to bob@example.org", "author": "Bob <bob@example.org>", "name": "bob@example.org"},
        {"locator": "kick/bob@example.org.txt", "url": "https://example.com/?u=bob@example.org"},
        {"name": "212-555-0123", "locator": "8.8.8.8/212-555-0123.wav", "url": "https://8.8.8.8/212-555-0123"},
    ]
    flags = Pii(PiiSettings(), CONTEXT).flag(items_of([{"text": "plain words", **row} for row in rows])).to_pylist()
    assert {(flag["row"], flag["field"]) for flag in flags} == {
        (0, "title"),
        (0, "author"),
        (0, "name"),
        (1, "locator"),
        (1, "url"),
    }
    assert [flag["end"] - flag["start"] for flag in flags] == [len("bob@example.org")] * len(flags)


def test_table_columns_are_context(tmp_path: Path) -> None:
    """A column's name makes bare numbers personal; without it the same numbers are left alone; escapes keep places right."""
    fields = '{"homePhone":"2125550123","id":"2125550123","n":2125550123,"note":"a\\nbob@example.com","ssn":"536228145"}'
    row = {"modality": "table", "text": None, "fields": fields, "size": len(fields)}
    flags = check_filter(Pii, items_of([row]), tmp_path).to_pylist()
    spans = [(flag["code"], fields[flag["start"] : flag["end"]], orjson.loads(flag["detail"])["column"]) for flag in flags]
    assert spans == [
        ("pii.phone-number", "2125550123", "homePhone"),
        ("pii.email-address", "bob@example.com", "note"),
        ("pii.us-ssn", "536228145", "ssn"),
    ]
    assert flags[0]["start"] < fields.index('"id"')


def test_a_whole_word_is_needed_as_context(english: Pii) -> None:
    """A longer word that ends in a context word, cut by the window or not, does not support a match."""
    for filling in range(60, 90):
        assert found(english, "saxophone" + " " * filling + "2125550123 ok") == []


def test_other_languages_bring_their_identity_numbers() -> None:
    """Spanish and Italian numbers are read when declared; a language without recognisers is said."""
    made = Pii(PiiSettings(languages=("es", "it", "nl")), CONTEXT)
    assert found(made, "DNI 12345678Z") == [("ES_NIF", "12345678Z")]
    assert found(made, "codice fiscale RSSMRA85T10A562S") == [("IT_FISCAL_CODE", "RSSMRA85T10A562S")]
    said = " ".join(made.not_checked())
    assert "'nl'" in said
    assert "'es'" not in said
    assert "names" in said
    assert "NOT checked" in said


def test_all_entities_have_a_code() -> None:
    """No rule can write a flag that the class does not declare."""
    made = Pii(PiiSettings(languages=("en", "es", "it", "pl")), CONTEXT)
    assert {code_of(rule.entity) for rule in made._finder_for("").rules} <= set(Pii.codes)


ALPHABET = "0123456789 +-.()/@:,x\nabcdefGB1ACallphoneSSNcardIPbank\u00e9\u0661\u017f"
PIECES = ["bob@example.com", "212-555-0123", "4111111111111111", "GB82WEST12345698765432", "8.8.8.8", "::1"]
PIECES += [
    "passport 912803456",
    "ssn 536-22-8145",
    "call 467 3395",
    "+6834002",
    "DEA number AB1234563",
    "bank 12345678",
    " ",
    " ",
]


def ungated(made: Pii, text: str) -> list[Any]:
    """Return what all recognisers find when every one of them sees the text, and every match is judged in full."""
    found: list[Finding] = []
    for rule in made._finder_for("").rules:
        for match in rule.recognizer.analyze(text, [rule.entity], None):
            full = replace(rule, worded=False, quick=None)
            found += [replace(one, rule=rule) for one in weighed(full, text, match, Spoken(text, ()))]
    return raised(without_overlaps(found))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.text(alphabet=ALPHABET, max_size=14), st.sampled_from(PIECES)), max_size=8).map("".join))
def test_gates_lose_nothing(text: str) -> None:
    """With gates or without, for one text or in a column: the findings are the same."""
    made = shared()
    full = ungated(made, text)
    assert made.findings(text) == full
    flags = made.flag(items_of([text])).to_pylist() if "\ufffd" not in text else []
    assert [(flag["start"], flag["end"]) for flag in flags] == [(one.start, one.end) for one in full]


MADE: list[Pii] = []


def shared() -> Pii:
    """Return one filter for all examples of a property test, which cannot use fixtures of the module."""
    if not MADE:
        MADE.append(Pii(PiiSettings(), CONTEXT))
    return MADE[0]


def test_random_numbers_are_rarely_personal(english: Pii) -> None:
    """Of a thousand ten-digit ids, Unix times and decimals each, none is flagged; of bare card-like numbers few, and low."""
    chance = random.Random(7)
    makers: list[Callable[[], str]] = [
        lambda: str(chance.randrange(10**9, 10**10)),
        lambda: str(chance.randrange(1_400_000_000, 1_800_000_000)),
        lambda: f"{chance.uniform(-90, 90):.6f},{chance.uniform(-180, 180):.6f}",
    ]
    for make in makers:
        assert english.flag(items_of([make() for _ in range(1000)])).num_rows == 0
    cards = english.flag(items_of([str(chance.randrange(10**15, 10**16)) for _ in range(1000)]))
    assert cards.num_rows < 40
    assert set(cards["score"].to_pylist()) == {0.4}
