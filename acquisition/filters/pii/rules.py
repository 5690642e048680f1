"""Which recognisers run, when they are woken, and what their matches are worth.

The patterns and checksums are presidio-analyzer's. What is added: a gate per recogniser (a cheap condition that every match
fulfils), context words matched as whole words, and for each entity a score with context and one without. An entity that is
worth nothing without context (a ten-digit number passes the NHS checksum once in eleven times) is not flagged without it.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import regex

# Five digits or more with at most five characters between two of them; no letters except the x of "x123".
DIGITS: Final = r"(?:\p{Nd}(?:[^\p{L}\p{Nd}]|[xX]){0,5}){4}\p{Nd}"
_IP_GATE: Final = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|:[0-9A-Fa-f]{0,4}:"
_MAC_GATE: Final = r"(?i:(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})"
_IBAN_GATE: Final = r"(?i:[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]{4}){2})"
_CRYPTO_GATE: Final = r"(?i:(?:bc1|[13])[a-z0-9]{25})"
_KEY_FORMS: Final = (
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60}|xox[abprs]-[A-Za-z0-9-]{20}"
    r"|AIza[0-9A-Za-z_-]{35}|sk_live_[0-9A-Za-z]{20}|-----BEGIN (?:RSA |EC |OPENSSH |DSA )?PRIVATE KEY-----"
)
_CARD: Final = r"(?<![\w.,-])\d(?:[- ]?\d){11,18}(?![\w-]|[.,]\d)"
_LOOSE_PHONE: Final = r"(?<![\w.,/:+-])\+?[(]?\d[\d ().-]{5,18}\d(?: ?(?:x|ext\.?) ?\d{1,6})?(?!\w|-\d|[.,:/]\d)"
_REGEX_SECONDS: Final = 2
_PHONE_DIGITS: Final = 6  # shorter numbers are service codes; the gate relies on at least five digits
_PHONE_WORDS: Final = (
    "phone phones telephone tel cell cellphone mobile call calls called calling fax text txt sms whatsapp contact ring dial "
    "answering message messages desk "
    "teléfono móvil telefon handy téléphone portable telefono cellulare telefone celular"
)
_NOT_PHONE: Final = "isbn issn doi arxiv sku ean upc order invoice version serial build rfc pmid id ids"
_ISSUERS: Final = regex.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|5\d\d)\d{12}"
)
_VERSION_WORD: Final = regex.compile(r"(?:\b(?:v|ver|version|release|build|section|oid)[ .:]*|[\w.-])$", regex.IGNORECASE)
_INSIDE_BEFORE: Final = regex.compile(r"\d[.,:/=-]$|[\w#$€£%]$")
_INSIDE_AFTER: Final = regex.compile(r"[.,:/=-]?\d|\w|%")
_CARD_GROUPS: Final = regex.compile(r"\d{4}([- ])\d{4}\1\d{4}\1\d{1,7}|\d{4}([- ])\d{6}\2\d{4,5}")
_REGIONS: Final = {
    "en": ("US", "GB"),
    "de": ("DE", "AT"),
    "es": ("ES", "MX"),
    "pt": ("PT", "BR"),
    "zh": ("CN",),
    "ja": ("JP",),
} | {language: (language.upper(),) for language in ("fr", "it", "nl", "pl", "ru", "tr", "fi", "hu", "ro")}


@dataclass(frozen=True, slots=True)
class Rule:
    """One recogniser and how far it is believed.

    `gate` is a condition, readable by RE2 and `regex` alike, that every text with a match fulfils. `alone` is the score
    of a match without a context word (0: not flagged), `supported` the score with one. `checked` says that a match has
    passed a checksum or a registry. `judge` may lower the score without context by looking at the match in its text.
    """

    entity: str
    recognizer: Any
    gate: str
    context: frozenset[str]
    alone: float
    supported: float
    checked: bool = False
    judge: Callable[[str, int, int], float] | None = None


def build(languages: tuple[str, ...], regions: tuple[str, ...]) -> list[Rule]:
    """Return the rules for the declared languages; imports presidio-analyzer, which takes about a second."""
    _limit_regex_time()
    rules = [*_general(regions or phone_regions(languages))]
    if "en" in languages:
        rules += _english()
    if "es" in languages:
        rules += _spanish()
    if "it" in languages:
        rules += _italian()
    if "pl" in languages:
        rules += _polish()
    return rules


SUPPORTED_IDS: Final = frozenset({"en", "es", "it", "pl"})
"""Languages whose countries' identity numbers have recognisers here."""


def phone_regions(languages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the regions whose national telephone formats are read; numbers with + are read from everywhere."""
    return tuple(dict.fromkeys(region for language in languages for region in _REGIONS.get(language, ()))) or ("US",)


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _limit_regex_time() -> None:
    """Presidio allows a pattern 60 s per text; hostile input must not hold a worker that long."""
    from presidio_analyzer import pattern_recognizer
    from presidio_analyzer.predefined_recognizers.generic import iban_recognizer

    pattern_recognizer.REGEX_TIMEOUT_SECONDS = _REGEX_SECONDS
    iban_recognizer.REGEX_TIMEOUT_SECONDS = _REGEX_SECONDS


def _general(regions: tuple[str, ...]) -> list[Rule]:
    from presidio_analyzer import Pattern, PatternRecognizer
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        CryptoRecognizer,
        IbanRecognizer,
        IpRecognizer,
        MacAddressRecognizer,
        PhoneRecognizer,
    )

    cards = CreditCardRecognizer(patterns=[Pattern("12 to 19 digits", _CARD, 0.3)])
    ibans = IbanRecognizer(regex_flags=regex.DOTALL | regex.MULTILINE | regex.IGNORECASE)
    loose_phones = PatternRecognizer(
        "PHONE_NUMBER", name="LoosePhoneRecognizer", patterns=[Pattern("loose phone", _LOOSE_PHONE, 0.3)]
    )
    forms = [Pattern("known token form", _KEY_FORMS, 0.95)]
    secrets = PatternRecognizer("SECRET", name="SecretRecognizer", patterns=forms, global_regex_flags=regex.DOTALL)
    phone_words = _words(_PHONE_WORDS)
    card_words = _words("card cards credit debit cc visa mastercard amex discover jcb diners maestro karte tarjeta carte")
    return [
        Rule("EMAIL_ADDRESS", _email_recognizer(), "@", _words("email mail e-mail"), 0.95, 1.0, checked=True),
        Rule("CREDIT_CARD", cards, DIGITS, card_words, 0.8, 1.0, checked=True, judge=_judge_card),
        Rule("IBAN_CODE", ibans, _IBAN_GATE, _words("iban bank account transfer"), 1.0, 1.0, checked=True),
        Rule(
            "IP_ADDRESS", IpRecognizer(), _IP_GATE, _words("ip ipv4 ipv6 ips address host client"), 0.7, 0.95, False, _judge_ip
        ),
        Rule("MAC_ADDRESS", MacAddressRecognizer(), _MAC_GATE, _words("mac hardware ethernet device bssid wifi"), 0.7, 0.95),
        Rule("CRYPTO", CryptoRecognizer(), _CRYPTO_GATE, _words("wallet btc bitcoin crypto"), 1.0, 1.0, checked=True),
        Rule("SECRET", secrets, f"(?:{_KEY_FORMS})", frozenset(), 0.95, 0.95),
        Rule("PHONE_NUMBER", PhoneRecognizer(supported_regions=regions), DIGITS, phone_words, 0.7, 0.9, judge=_judge_phone),
        Rule("PHONE_NUMBER", loose_phones, DIGITS, phone_words, 0.0, 0.6, judge=_judge_loose_phone),
    ]


def _english() -> list[Rule]:
    from presidio_analyzer import Pattern
    from presidio_analyzer.predefined_recognizers import (
        MedicalLicenseRecognizer,
        NhsRecognizer,
        UsBankRecognizer,
        UsItinRecognizer,
        UsLicenseRecognizer,
        UsPassportRecognizer,
        UsSsnRecognizer,
    )

    form = r"\b(?:[A-Z]{1,2}[0-9]{5,14}|[0-9]{7,14}|[A-Z]?[0-9]{3,4}[- ][0-9]{2,4}[- ][0-9]{4})\b"
    driver = UsLicenseRecognizer(patterns=[Pattern("driver license", form, 0.3)])
    return [
        Rule("US_SSN", UsSsnRecognizer(), DIGITS, _words("social security ssn ssns ssid"), 0.75, 0.95, judge=_judge_ssn),
        Rule("US_ITIN", UsItinRecognizer(), DIGITS, _words("individual taxpayer itin tax taxid tin"), 0.0, 0.85),
        Rule("UK_NHS", NhsRecognizer(), DIGITS, _words("nhs"), 0.0, 1.0, checked=True),
        Rule("US_BANK_NUMBER", UsBankRecognizer(), DIGITS, _words("account acct bank checking savings routing"), 0.0, 0.6),
        Rule("US_PASSPORT", UsPassportRecognizer(), DIGITS, _words("passport passports"), 0.0, 0.7),
        Rule("US_DRIVER_LICENSE", driver, DIGITS, _words("driver drivers driving dl dmv"), 0.0, 0.65),
        Rule("MEDICAL_LICENSE", MedicalLicenseRecognizer(), DIGITS, _words("medical dea prescriber"), 0.0, 0.8, checked=True),
    ]


def _spanish() -> list[Rule]:
    from presidio_analyzer.predefined_recognizers import EsNieRecognizer, EsNifRecognizer

    words = _words("dni nif nie documento identidad identificación identificacion")
    return [
        Rule("ES_NIF", EsNifRecognizer(), r"\p{Nd}", words, 0.9, 1.0, checked=True),
        Rule("ES_NIE", EsNieRecognizer(), r"\p{Nd}", words, 0.9, 1.0, checked=True),
    ]


def _italian() -> list[Rule]:
    from presidio_analyzer.predefined_recognizers import (
        ItDriverLicenseRecognizer,
        ItFiscalCodeRecognizer,
        ItIdentityCardRecognizer,
        ItPassportRecognizer,
        ItVatCodeRecognizer,
    )

    identity = _words("identità identita carta documento cie")
    return [
        Rule("IT_FISCAL_CODE", ItFiscalCodeRecognizer(), r"\p{Nd}", _words("codice fiscale cf"), 0.9, 1.0, checked=True),
        Rule("IT_VAT_CODE", ItVatCodeRecognizer(), r"\p{Nd}", _words("iva piva partita"), 0.0, 0.8, checked=True),
        Rule("IT_DRIVER_LICENSE", ItDriverLicenseRecognizer(), r"\p{Nd}", _words("patente guida licenza"), 0.0, 0.65),
        Rule("IT_IDENTITY_CARD", ItIdentityCardRecognizer(), r"\p{Nd}", identity, 0.0, 0.65),
        Rule("IT_PASSPORT", ItPassportRecognizer(), r"\p{Nd}", _words("passaporto"), 0.0, 0.7),
    ]


def _polish() -> list[Rule]:
    from presidio_analyzer.predefined_recognizers import PlPeselRecognizer

    return [Rule("PL_PESEL", PlPeselRecognizer(), r"\p{Nd}", _words("pesel"), 0.5, 1.0, checked=True)]


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


# --- what a match is worth without context ----------------------------------------------------------------------------


def _judge_card(text: str, start: int, end: int) -> float:
    """A grouped number of a known issuer is a card; a bare run of digits passes Luhn once in ten times."""
    value = text[start:end]
    digits = regex.sub(r"\D", "", value)
    if not _ISSUERS.fullmatch(digits):
        return 0.0
    if value != digits:
        return 1.0 if _CARD_GROUPS.fullmatch(value) else 0.0
    return 0.4 if start == 0 and end == len(text) else 0.8


def _judge_ip(text: str, start: int, end: int) -> float:
    """Versions look like addresses: one of four small numbers, or after the word, is not believed."""
    try:
        address = ipaddress.ip_interface(text[start:end]).ip
    except ValueError:
        return 0.0
    if not address.is_global or address.is_multicast:
        return -1.0
    if _VERSION_WORD.search(text[max(0, start - 12) : start]):
        return 0.0
    if address.version == 4 and max(address.packed) < 100:
        return 0.0
    return 0.7


def _judge_phone(text: str, start: int, end: int) -> float:
    """A number with a plus or with grouping is a telephone number; a bare run of digits, a decimal or a code is not."""
    value = text[start:end]
    if len(regex.findall(r"\d", regex.split(r"[^\W\dxX_]", value)[0])) < _PHONE_DIGITS:
        return -1.0
    if _INSIDE_BEFORE.search(text[max(0, start - 2) : start]) or _INSIDE_AFTER.match(text[end : end + 2]):
        return -1.0
    before = regex.findall(r"[^\W\d_]+", text[max(0, start - 24) : start].lower())[-2:]
    if _words(_NOT_PHONE).intersection(before):
        return 0.0
    marks = regex.sub(r"[\d\s]", "", value)
    if value.startswith("+") or "(" in value or "-" in marks:
        return 0.7
    groups = len(regex.findall(r"\d+", value))
    return 0.7 if groups >= 3 and (set(marks) == {"."} or (not marks and regex.match(r"0\d", value))) else 0.0


def _judge_loose_phone(text: str, start: int, end: int) -> float:
    digits = regex.sub(r"\D", "", text[start:end])
    return 0.0 if 7 <= len(digits) <= 15 and len(set(digits)) > 2 else -1.0


def _judge_ssn(text: str, start: int, end: int) -> float:
    """Only the written form 3-2-4 speaks for itself."""
    return 0.75 if regex.fullmatch(r"\d{3}([- ])\d{2}\1\d{4}", text[start:end]) else 0.0


class TimeoutWatch(logging.Handler):
    """Counts the patterns that Presidio gave up on; it reports them to its log alone."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count one pattern that timed out."""
        self.count += "timed out" in record.getMessage()
