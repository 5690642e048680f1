"""pii: secrets without quotes, French numbers, words that weigh against each other, and languages that do not exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from acquisition.declare import load
from acquisition.errors import DeclarationError
from acquisition.filters.pii import Pii, PiiSettings
from acquisition.filters.pii.words import NOT_PHONE, PHONE, nearby
from acquisition.model import Use
from acquisition.protocols import FilterContext

CONTEXT = FilterContext(Use(), {}, ("source",), "")


@pytest.fixture(scope="module")
def both() -> Pii:
    """The filter for English and French texts."""
    return Pii(PiiSettings(languages=("en", "fr")), CONTEXT)


def found(made: Pii, text: str) -> list[tuple[str, str]]:
    """Return (entity, matched text) of all findings."""
    return [(one.rule.entity, text[one.start : one.end]) for one in made.findings(text)]


SECRETS = {
    "password=hunter2x": "hunter2x",
    "passwd: Tr0ub4dor&3": "Tr0ub4dor&3",
    "login admin pwd Xk9mP2vQ ok": "Xk9mP2vQ",
    "DB_PASSWORD=pa55word!": "pa55word!",
    "the password is Winter2024!.": "Winter2024!",
    "https://h.example/?user=a&password=abc12345&x=1": "abc12345",
    "api_key=9f8e7d6c5b4a39281706": "9f8e7d6c5b4a39281706",
    "mot de passe: Soleil2020": "Soleil2020",
    "Passwort : Geheim123, bitte": "Geheim123",
    "password: `hunter2x`": "hunter2x",
}


@pytest.mark.parametrize(("text", "value"), SECRETS.items())
def test_a_secret_needs_no_quotes(text: str, value: str, both: Pii) -> None:
    """A value behind a name such as password is found alone, without the name, however it is assigned."""
    assert ("SECRET", value) in found(both, text)


@pytest.mark.parametrize(
    "text",
    [
        "password: see the manual",
        "Password: 8-16 chars",
        "password=None",
        "password = getpass.getpass()",
        "password=os.environ['X1Y2Z3']",
        "password=user.password2",
        "password=new_password1",
        "password: https://example.org/a1",
        "password is required",
        "forgot your password? Reset2024 now",
        "pwd /home/user1",
        "PWD=/home/user2/x",
        "the pwd command2",
        "pwd is the command",
        "Set password=<your-password1>",
        "compass=north1234",
        "secret: the key1",
        "api_key=API_KEY_2",
    ],
)
def test_prose_and_programs_about_passwords_hold_none(text: str, both: Pii) -> None:
    """Instructions, variables, calls, paths, addresses and stand-ins are no secrets."""
    assert found(both, text) == []


def test_a_token_inside_an_assignment_stays_a_token(both: Pii) -> None:
    """Where a known form stands behind a name, it counts with the certainty of its form."""
    (one,) = both.findings("token: key=AKIAIOSFODNN7EXAMPLE api_key=ghp_" + "a1B2" * 9)[1:]
    assert (one.rule.recognizer.name, one.score) == ("TokenRecognizer", 0.95)


NUMBERS = {
    "NIR 2 94 03 75 120 005 91": "2 94 03 75 120 005 91",
    "Son numéro : 2 94 03 2B 120 005 78, à Bastia": "2 94 03 2B 120 005 78",
    "née en Corse, 294032A12000551": "294032A12000551",
    "carte 294037512000591": "294037512000591",
    "1 75 03 972 01 235 49": "1 75 03 972 01 235 49",
    "numéro de sécurité sociale 2940375120005": "2940375120005",
    "sécurité sociale 2 94 03 75 120 005 12 ans": "2 94 03 75 120 005",
}


@pytest.mark.parametrize(("text", "number"), NUMBERS.items())
def test_french_registration_numbers(text: str, number: str, both: Pii) -> None:
    """The key of a NIR is checked, in Corsica and overseas too; without a right key a word has to say what it is."""
    assert ("FR_NIR", number) in found(both, text)


@pytest.mark.parametrize("text", ["294037512000592", "ref 2 94 14 75 120 005 91", "294037512000591234", "code 2940375120005"])
def test_fifteen_digits_are_no_registration_number(text: str, both: Pii) -> None:
    """A wrong key, a month that does not exist, further digits, or no word for a number without key: nothing is found."""
    assert "FR_NIR" not in dict(found(both, text))


def test_words_weigh_by_kind_and_distance(both: Pii) -> None:
    """A clear word for telephone before or behind wins over things that one telephones about, not over other numbers' names."""
    for text in (
        "telephone for the parcel 212-555-0123",
        "parcel 212-555-0123 (telephone)",
        "telephone about your order: 0171 234 5678",
    ):
        assert "PHONE_NUMBER" in dict(found(both, text)), text
    for text in (
        "telephone quoting parcel 4821930",
        "phone book ISBN 0306 406 157",
        "order number 4821930",
        "parcel 0171 2345678",
    ):
        assert "PHONE_NUMBER" not in dict(found(both, text)), text


def test_the_nearer_of_two_clear_words_decides() -> None:
    """Of "phone" and "invoice" the last one counts, wherever both stand; vague words never outweigh either."""
    for text, expected in (
        ("invoice phone ", True),
        ("phone invoice ", False),
        ("call invoice ", False),
        ("phone x x parcel ", True),
    ):
        around = nearby(f"{text}12", len(text), len(text) + 2)
        assert around.support(PHONE, NOT_PHONE, formed=True) is expected, text
        assert around.denies(PHONE, NOT_PHONE, formed=True) is not expected, text


def test_a_language_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """The declaration's line is named with what is known; so it is with regions of telephones."""
    file = tmp_path / "sources.yaml"
    head = "sources:\n  a: {kind: local, path: .}\nfilters:\n  pii:\n"
    for line, said in (("    languages: [en, xx]\n", "fi, fr, he"), ("    phone_regions: [US, XQ]\n", "XQ")):
        file.write_text(head + line)
        with pytest.raises(DeclarationError) as refused:
            load(file)
        (problem,) = refused.value.problems
        assert (problem.code, problem.line) == ("wrong-value", 5)
        assert said in problem.message
    with pytest.raises(ValidationError):
        PiiSettings(languages=("xx",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("電話番号は03-3581-3111です", [("PHONE_NUMBER", "03-3581-3111")]),
        ("手机号13812345678，谢谢", [("PHONE_NUMBER", "13812345678")]),
        ("電話：０３－３５８１－３１１１", [("PHONE_NUMBER", "０３－３５８１－３１１１")]),
        ("詳細はinfo@kosho.co.jpまで", [("EMAIL_ADDRESS", "info@kosho.co.jp")]),
        ("번호는 010-2345-6789입니다", [("PHONE_NUMBER", "010-2345-6789")]),
        ("第13812345678号決定", []),
        ("订单号4012888888881881请保存", []),
    ],
)
def test_numbers_and_addresses_between_letters_of_scripts_without_spaces(text: str, expected: list[tuple[str, str]]) -> None:
    """What touches such letters is found at its place, wide signs too, and what they call another number is none."""
    assert found(Pii(PiiSettings(languages=("en", "ja", "ko")), CONTEXT), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Aadhaar 2341 2341 2346", [("IN_AADHAAR", "2341 2341 2346")]),
        ("PAN: AFZPK7190K", [("IN_PAN", "AFZPK7190K")]),
        ("a frying PAN MODEL12345", []),
        ("her NRIC is S1234567D", [("SG_NRIC_FIN", "S1234567D")]),
        ("PESEL 44051401359", [("PL_PESEL", "44051401359")]),
        ("my DNI is 12345678Z", [("ES_NIF", "12345678Z")]),
        ("social insurance number 130-692-544", [("CA_SIN", "130-692-544")]),
        ("the sin of 446454284 radians", []),
        ("44051401359 visitors", []),
    ],
)
def test_identity_numbers_of_other_countries_beside_their_own_name(text: str, expected: list[tuple[str, str]]) -> None:
    """Where nobody declared the country the very name of the number has to stand near."""
    assert found(Pii(PiiSettings(), CONTEXT), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to kim dot lee at gmail dot com", ["kim dot lee at gmail dot com"]),
        ("e-mail: jane at pottery dot org", ["jane at pottery dot org"]),
        ("he works at pottery dot com", []),
        ("see me at 5pm at the dot com talk", []),
        ("Message-ID: <1234.abc@mail.pottery.org>", []),
        ("References: <1@a.pottery.org> <2@b.pottery.org>", []),
        ("From: Jo <jo@pottery.org>", ["jo@pottery.org"]),
        ("scp x.txt deploy@host.pottery.org:/srv", []),
        ("git clone ssh://git@github.com/pottery/kiln", []),
    ],
)
def test_addresses_in_words_and_names_of_messages_and_accounts(text: str, expected: list[str]) -> None:
    """An address in plain words is found where its form says so; what only looks like an address is nobody's."""
    assert [value for kind, value in found(Pii(PiiSettings(), CONTEXT), text) if kind == "EMAIL_ADDRESS"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://kiln:gl4ze-Oven@db.internal:5432/shop", [("SECRET", "gl4ze-Oven")]),
        ("https://kiln:gl4zeOven@db.pottery.org/", [("SECRET", "gl4zeOven")]),
        ("postgres://postgres:postgres1@localhost/shop", [("SECRET", "postgres1")]),
        ("https://user:password@pottery.org/", []),
        ("mysql://root:${DB_PASS1}@db/x", []),
        ("d.o.b. 21.07.1984", [("DATE_TIME", "21.07.1984")]),
        ("mobile app 10.2.3.4567", []),
        ("17,12.50,4012 8888 8888 1881", [("CREDIT_CARD", "4012 8888 8888 1881")]),
        ("4012 8888 8888 1881 2222 3333", []),
    ],
)
def test_passwords_in_addresses_and_forms_in_rows(text: str, expected: list[tuple[str, str]]) -> None:
    """A password stands before an address's host; a card is a cell of a row; versions are no telephones."""
    made = Pii(PiiSettings(), CONTEXT)
    found_here = [(one.rule.entity, text[one.start : one.end]) for one in made.findings(text) if one.score >= 0.6]
    assert found_here == expected
