"""Which recognisers run, and which words support their matches.

A rule is a recogniser of presidio-analyzer's kind (its own, or a pattern of ours), the words that support it, and a judge
that says what a match is worth (`judges.py`). `recognizers` gives the recognisers alone, for Presidio's own engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import regex

from acquisition.filters.pii import countries, judges, mails, phones, secrets
from acquisition.filters.pii import words as near
from acquisition.filters.pii.loading import presidio
from acquisition.filters.pii.words import NONE, Words

_SPOKEN_IN: Final = """
en:US,GB de:DE,AT,CH es:ES,MX,AR,CO fr:FR,BE,CH pt:PT,BR it:IT,CH nl:NL,BE pl:PL ru:RU tr:TR fi:FI hu:HU ro:RO sk:SK hr:HR bg:BG
lt:LT lv:LV id:ID th:TH zh:CN ja:JP ko:KR sv:SE da:DK cs:CZ el:GR uk:UA he:IL hi:IN ar:AE,EG nb:NO no:NO sl:SI et:EE vi:VN
"""
_REGIONS: Final = {part[:2]: tuple(part[3:].split(",")) for part in _SPOKEN_IN.split()}


@dataclass(frozen=True, slots=True)
class Rule:
    """One recogniser and how far it is believed.

    `alone` is the score of a match without a supporting word (0: not flagged), `supported` the score with one; a `judge` reads
    the match and says both itself. `denied` are words that call such a number something else. `free` says that small letters
    are as good as capitals where no checksum speaks; `also` are words of a second kind that have to stand near too ("driver"
    and "license"). `worded` says that no match counts without a word; `quick` judges a match that has none near, where that
    is less work.
    """

    entity: str
    recognizer: Any
    words: Words
    alone: float = 0.0
    supported: float = 0.0
    judge: judges.Judge | None = None
    denied: Words = NONE
    free: bool = True
    also: Words = NONE
    worded: bool = False
    quick: judges.Judge | None = None

    def asked(self, spoken: near.Spoken) -> bool:
        """Say whether any match in a text could count, by the words that stand in the text or in its column's name."""
        if not self.worded or (self.words.among(spoken.named) and (self.also == NONE or self.also.among(spoken.named))):
            return True
        return spoken.anywhere(self.words) and (self.also == NONE or spoken.anywhere(self.also))

    def supported_by(self, around: near.Nearby, named: tuple[str, ...], reading: judges.Reading) -> str:
        """Say where words support a match, `words` and, where there are any, `also`: in the column's name, near it, nowhere."""
        if self.words.among(named) and (self.also == NONE or self.also.among(named)):
            return "column"
        near_it = around.support(self.words, self.denied, reading.reach, formed=reading.formed) and (
            self.also == NONE or around.support(self.also, NONE, reading.reach)
        )
        return "text" if near_it else "none"

    def readings(self, text: str, match: Any, spoken: near.Spoken) -> Iterator[judges.Reading]:
        """Yield what one match of the recogniser is worth."""
        judge = self.judge
        if (self.worded or self.quick) and not spoken.near(self.words, match.start, match.end):
            if self.worded:
                return
            judge = self.quick
        if judge:
            yield from judge(text, match.start, match.end)
            return
        if text[match.start - 1 : match.start].isalnum() or text[match.end : match.end + 1].isalnum():
            return
        # Presidio raises a score to 1 where a checksum was passed, and drops what fails one.
        checked = match.score >= 1.0
        supported = max(self.supported, countries.SUPPORTED_AND_CHECKED) if checked else self.supported
        # Small letters are those of digests and file names; who writes such a number by its form writes capitals.
        formed = checked or not any(one.islower() for one in text[match.start : match.end])
        yield judges.Reading(match.start, match.end, self.alone if formed or self.free else 0.0, supported, checked)


def build(
    languages: tuple[str, ...], regions: tuple[str, ...], declared: tuple[str, ...] = (), *, notes: bool = False
) -> list[Rule]:
    """Return the rules for languages, telephone regions and countries; loads presidio-analyzer, which takes a second."""
    presidio()
    rules = [*_general(regions or phone_regions(languages)), _birth(notes)]
    wanted = countries.countries_of(languages, declared)
    if "us" in wanted:
        rules += _american()
    rules += _french(worded="fr" not in wanted)
    rules += [rule for country in wanted for rule in _national(country, named=country in declared)]
    rules += [rule for country in countries.KNOWN if country not in wanted for rule in _by_name(country)]
    return rules + (_informational() if notes else [])


def recognizers(
    languages: tuple[str, ...] = ("en",), regions: tuple[str, ...] = (), declared: tuple[str, ...] = ()
) -> list[Any]:
    """Return the recognisers of the default set, as Presidio's engine takes them."""
    return [rule.recognizer for rule in build(languages, regions, declared)]


def phone_regions(languages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the regions whose national telephone formats are read alone; numbers with + are read from everywhere."""
    return tuple(dict.fromkeys(region for language in languages for region in _REGIONS.get(language, ()))) or ("US", "GB")


LANGUAGES: Final = frozenset(_REGIONS)
"""Languages whose telephone formats are known."""


def _pattern(entity: str, name: str, *forms: str, score: float = 0.3) -> Any:
    """Return a recogniser of these forms; of matches of one kind inside each other presidio keeps those of higher score."""
    from presidio_analyzer import Pattern, PatternRecognizer

    patterns = [Pattern(f"{name} {place}", form, score) for place, form in enumerate(forms)]
    return PatternRecognizer(entity, name=name, patterns=patterns, global_regex_flags=regex.DOTALL)


def _general(regions: tuple[str, ...]) -> list[Rule]:
    from presidio_analyzer.predefined_recognizers import CryptoRecognizer, IpRecognizer, MacAddressRecognizer

    card = _pattern("CREDIT_CARD", "CardRecognizer", judges.CARD_PATTERN)
    iban = _pattern("IBAN_CODE", "IbanLengthRecognizer", judges.IBAN_PATTERN)
    phone = _pattern("PHONE_NUMBER", "PhoneRunRecognizer", phones.PATTERN)
    written = _pattern("EMAIL_ADDRESS", "WrittenOutMailRecognizer", mails.WRITTEN_OUT)
    spelled = _pattern("EMAIL_ADDRESS", "SpelledOutMailRecognizer", mails.SPELLED_OUT)
    ethereum = _pattern("CRYPTO", "EthereumRecognizer", judges.ETHEREUM_PATTERN)
    token = _pattern("SECRET", "TokenRecognizer", secrets.FORM)
    assigned = _pattern("SECRET", "AssignedSecretRecognizer", secrets.ASSIGNMENT)
    bare = _pattern("SECRET", "BareSecretRecognizer", *secrets.BARE_ASSIGNMENTS, score=0.2)
    login = _pattern("SECRET", "AddressSecretRecognizer", secrets.IN_ADDRESS)
    return [
        Rule("EMAIL_ADDRESS", _email_recognizer(), near.MAIL, judge=mails.plain),
        Rule("EMAIL_ADDRESS", written, near.MAIL, 0.7, 0.8),
        Rule("EMAIL_ADDRESS", spelled, near.MAIL, judge=mails.spelled),
        Rule("CREDIT_CARD", card, near.CARD, judge=judges.card, denied=near.NOT_CARD),
        Rule("IBAN_CODE", iban, near.BANK, judge=judges.iban),
        Rule("IP_ADDRESS", IpRecognizer(), near.ADDRESS, judge=judges.address, denied=near.VERSION),
        Rule("MAC_ADDRESS", MacAddressRecognizer(), near.DEVICE, 0.7, 0.95),
        Rule("CRYPTO", CryptoRecognizer(), near.WALLET, judge=judges.bitcoin),
        Rule("CRYPTO", ethereum, near.WALLET, judge=judges.ethereum),
        Rule("SECRET", token, NONE, 0.95, 0.95),
        Rule("SECRET", assigned, NONE, judge=judges.assigned_secret),
        Rule("SECRET", bare, NONE, judge=judges.bare_secret),
        Rule("SECRET", login, NONE, judge=judges.address_secret),
        Rule(
            "PHONE_NUMBER",
            phone,
            near.PHONE,
            judge=judges.phone(regions),
            denied=near.NOT_PHONE,
            quick=judges.phone(regions, bare=True),
        ),
    ]


def _birth(notes: bool) -> Rule:
    date = _pattern("DATE_TIME", "DateRecognizer", *judges.DATE_PATTERNS)
    return Rule("DATE_TIME", date, near.BIRTH, INFORMATION if notes else 0.0, 0.7, worded=not notes)


INFORMATION: Final = 0.1
"""Web addresses, dates and UUIDs: informational, never enough for any rule of the default policy."""


def _informational() -> list[Rule]:
    from presidio_analyzer.predefined_recognizers import UrlRecognizer, UuidRecognizer

    return [
        Rule("URL", UrlRecognizer(), NONE, INFORMATION, INFORMATION),
        Rule("UUID", UuidRecognizer(), NONE, INFORMATION, INFORMATION),
    ]


def _american() -> list[Rule]:
    from presidio_analyzer.predefined_recognizers import UsSsnRecognizer

    form = (
        r"(?<![\w-])(?:[A-Z]{1,2}[0-9]{4,14}[A-Z]?|[0-9]{7,14}[A-Z]?|[A-Z]?[0-9]{2,4}(?:-[0-9]{2,4}){2,4}(?:-[0-9])?"
        r"|[A-Z]{3}[A-Z*]{2}[0-9]{3}[A-Z0-9]{2,4})(?![\w-])"
    )
    driver = _pattern("US_DRIVER_LICENSE", "DriverLicenseRecognizer", form)
    return [
        Rule("US_SSN", UsSsnRecognizer(), near.SSN, judge=judges.ssn, denied=near.OTHER_NUMBER),
        Rule(
            "US_DRIVER_LICENSE",
            driver,
            near.DRIVER,
            judge=judges.driver_license,
            also=near.LICENSE,
            worded=True,
        ),
    ]


def _french(*, worded: bool) -> list[Rule]:
    number = _pattern("FR_NIR", "FrenchRegistrationRecognizer", judges.NIR_PATTERN)
    return [Rule("FR_NIR", number, near.NIR, judge=judges.nir, worded=worded)]


def _by_name(country: str) -> Iterator[Rule]:
    """Yield the rules for numbers of a country that nobody declared, which count beside their own name alone."""
    for recognizer in countries.recognizers_of(country):
        entity = recognizer.supported_entities[0]
        if entity in countries.BY_NAME:
            name, second = countries.BY_NAME[entity]
            yield Rule(entity, recognizer, name, 0.0, countries.NAMED, also=second, worded=True)
    if country == "in":
        account = _pattern("IN_PAN", "AccountNumberRecognizer", judges.PAN_PATTERN)
        yield Rule("IN_PAN", account, near.words("pan"), 0.0, countries.NAMED, worded=True)
    if country == "ca":
        number = _pattern("CA_SIN", "InsuranceNumberRecognizer", judges.INSURANCE_PATTERN)
        yield Rule(
            "CA_SIN",
            number,
            near.words("sin insurance"),
            judge=judges.insurance_number,
            also=near.words("sin social"),
            worded=True,
        )


def _national(country: str, *, named: bool) -> Iterator[Rule]:
    for recognizer in countries.recognizers_of(country):
        entity = recognizer.supported_entities[0]
        if entity in countries.WIDE and not named:
            continue
        alone = countries.ALONE.get(entity, 0.0)
        supporting = countries.words_for(entity, recognizer)
        yield Rule(
            entity,
            recognizer,
            supporting,
            alone,
            max(alone, countries.SUPPORTED),
            free=False,
            also=countries.ALSO.get(entity, NONE),
            worded=alone == 0,
        )


def _email_recognizer() -> Any:
    """Return Presidio's recogniser with the public suffix list that tldextract ships; the original may ask the network."""
    from presidio_analyzer.predefined_recognizers import EmailRecognizer
    from tldextract import TLDExtract

    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)

    class OfflineEmailRecognizer(EmailRecognizer):
        """Checks the domain against the list that is installed, never against a downloaded one."""

        def validate_result(self, pattern_text: str) -> bool:
            """Say whether the address ends in a public suffix with a name before it."""
            domain = suffixes(pattern_text.rsplit("@", 1)[-1])
            return bool(domain.domain and domain.suffix)

    return OfflineEmailRecognizer()
