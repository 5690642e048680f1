"""Identity numbers by country: Presidio's recognisers, which run for the declared languages and countries only.

Most of these forms are a few digits, so nearly all count only beside a word; `ALONE` lists those whose letters and checksum
leave little room for chance. Words are Presidio's own phrases taken apart, and ours where they were too wide or too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from acquisition.filters.pii.words import (
    ACCOUNT,
    DRIVER,
    LICENSE,
    MEDICAL,
    NHS,
    NONE,
    PASSPORT,
    ROUTING,
    SSN,
    TAXPAYER,
    US_ACCOUNT,
    Words,
    words,
)

FOLDERS: Final[Mapping[str, str]] = {
    "us": "us", "gb": "uk", "au": "australia", "ca": "canada", "in": "india", "sg": "singapore", "za": "south_africa",
    "ng": "nigeria", "ph": "philippines", "de": "germany", "es": "spain", "it": "italy", "pl": "poland", "fi": "finland",
    "se": "sweden", "tr": "turkey", "kr": "korea", "th": "thai",
}  # fmt: skip
"""Country (ISO 3166) → the folder of presidio_analyzer.predefined_recognizers.country_specific that holds its recognisers."""

KNOWN: Final = (*FOLDERS, "fr")
"""Countries whose identity numbers are read; France's has a rule of our own."""

OF_LANGUAGE: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("us", "gb"), "de": ("de",), "es": ("es",), "it": ("it",), "pl": ("pl",), "fi": ("fi",), "sv": ("se",),
    "tr": ("tr",), "ko": ("kr",), "th": ("th",), "fr": ("fr",),
}  # fmt: skip
"""Which countries' numbers a declared language brings with it."""

ALONE: Final[Mapping[str, float]] = {
    "ES_NIF": 0.9, "ES_NIE": 0.9, "IT_FISCAL_CODE": 0.9, "PL_PESEL": 0.65, "FI_PERSONAL_IDENTITY_CODE": 0.9,
    "SE_PERSONNUMMER": 0.65, "KR_RRN": 0.8, "KR_FRN": 0.8, "DE_SOCIAL_SECURITY": 0.8, "SG_NRIC_FIN": 0.65, "UK_NINO": 0.75,
    "IN_GSTIN": 0.65, "UK_DRIVING_LICENCE": 0.75, "US_MBI": 0.65,
}  # fmt: skip
"""Forms that are believed without a word, where their checksum or their letters make chance unlikely."""

_OURS: Final = {"us_ssn_recognizer", "us_driver_license_recognizer", "za_phone_number_recognizer"}
"""Replaced by rules of our own; telephones of all countries are read by one."""
WIDE: Final = {
    "UK_POSTCODE", "DE_PLZ", "CA_POSTAL_CODE", "UK_VEHICLE_REGISTRATION", "DE_KFZ", "US_CLAIM_NUMBER", "US_REFERRAL_NUMBER",
    "US_PRIOR_AUTHORIZATION_NUMBER", "US_PROVIDER_TAX_ID", "US_PRESCRIPTION_NUMBER", "US_HEALTH_INSURANCE_MEMBER_ID",
}  # fmt: skip
"""Places, vehicles and case numbers: read only for a country that is declared by name, not with a language."""

_WORDS: Final[Mapping[str, Words]] = {
    "US_ITIN": TAXPAYER,
    "UK_NHS": NHS,
    "US_BANK_NUMBER": US_ACCOUNT,
    "US_PASSPORT": PASSPORT,
    "MEDICAL_LICENSE": MEDICAL,
    "US_NPI": words("npi"),
    "ABA_ROUTING_NUMBER": ROUTING,
    "UK_NINO": words("nino insurance ni"),
    "UK_PASSPORT": PASSPORT,
    "UK_DRIVING_LICENCE": DRIVER | words("dvla licence"),
    "IN_PASSPORT": PASSPORT,
    "ES_PASSPORT": PASSPORT,
    "DE_PASSPORT": PASSPORT | words("pass passnummer reisepassnummer"),
    "KR_PASSPORT": PASSPORT | words("여권"),
    "IT_PASSPORT": PASSPORT,
    "ZA_PASSPORT": PASSPORT,
    "PH_PASSPORT": PASSPORT,
    "IT_VAT_CODE": words("iva piva partita"),
    "IT_IDENTITY_CARD": words("identità identita carta documento cie identity"),
    "IT_DRIVER_LICENSE": words("patente guida licenza"),
    "ES_NIF": words("dni nif documento identidad identificación identificacion"),
    "ES_NIE": words("nie extranjero identidad"),
    "IT_FISCAL_CODE": words("codice fiscale cf"),
    "PL_PESEL": words("pesel"),
    "DE_TAX_ID": words("steuer- idnr tin identifikationsnummer"),
    "DE_TAX_NUMBER": words("steuernummer steuer- finanzamt"),
    "DE_ID_CARD": words("ausweis- personalausweis- perso identity"),
    "CA_SIN": words("sin insurance nas"),
    "AU_TFN": words("tfn tax"),
    "AU_MEDICARE": words("medicare"),
    "SE_PERSONNUMMER": words("personnummer personnr pnr samordningsnummer ssn"),
    "SSN": SSN,
    "ZA_ID_NUMBER": words("id identity rsa"),
    "SG_NRIC_FIN": words("nric fin"),
    "IN_PAN": words("pan"),
    "IN_AADHAAR": words("aadhaar aadhar uidai uid"),
    "TR_NATIONAL_ID": words("kimlik tckn tc"),
    "NG_NIN": words("nin nimc identity"),
    "US_MBI": words("medicare mbi beneficiary"),
    "DE_HEALTH_INSURANCE": words("krankenversicher- kvnr versichertennummer krankenkasse gesundheitskarte egk"),
    "DE_SOCIAL_SECURITY": words("rentenversicherung- sozialversicherung- versicherungsnummer rvnr svnr"),
    "DE_FUEHRERSCHEIN": words("führerschein- fahrerlaubnis-"),
}
BY_NAME: Final[Mapping[str, tuple[Words, Words]]] = {
    "AU_TFN": (words("tfn file"), words("tfn tax")),
    "AU_ABN": (words("abn australian"), words("abn business")),
    "DE_SOCIAL_SECURITY": (_WORDS["DE_SOCIAL_SECURITY"], NONE),
    "DE_TAX_ID": (_WORDS["DE_TAX_ID"], NONE),
    "ES_NIE": (words("nie"), NONE),
    "ES_NIF": (words("dni nif"), NONE),
    "FI_PERSONAL_IDENTITY_CODE": (words("henkilötunnu- hetu personbeteckning-"), NONE),
    "IN_AADHAAR": (words("aadhaar aadhar uidai"), NONE),
    "IT_FISCAL_CODE": (words("codice cf fiscale fiscal"), NONE),
    "KR_RRN": (words("rrn resident 주민등록번호 주민번호"), NONE),
    "PL_PESEL": (words("pesel"), NONE),
    "SE_PERSONNUMMER": (words("personnummer personnr samordningsnummer"), NONE),
    "SG_NRIC_FIN": (words("nric fin"), NONE),
    "TR_NATIONAL_ID": (words("kimlik tckn"), NONE),
}  # fmt: skip
"""Numbers that are read in every language, where the very name of the number stands near, with the words for that name: most
pass a checksum, and people write them in texts of any language. The words of a second kind have to stand near too."""
ALSO: Final[Mapping[str, Words]] = {"US_BANK_NUMBER": ACCOUNT, "UK_DRIVING_LICENCE": LICENSE}
"""Words of a second kind that have to stand near as well."""
_IDLE: Final = frozenset(
    [
        "number",
        "no",
        "id",
        "of",
        "the",
        "and",
        "code",
        "registration",
        "reference",
        "address",
        "mailing",
        "delivery",
        "de",
        "des",
        "du",
    ]
)
SUPPORTED: Final = 0.7
SUPPORTED_AND_CHECKED: Final = 0.85
NAMED: Final = 0.85
"""Beside its own name a number is that, whatever else it could be."""


def countries_of(languages: tuple[str, ...], declared: tuple[str, ...]) -> tuple[str, ...]:
    """Return the countries whose numbers are read: those declared, and those of the languages, in a fixed order."""
    wanted = {country for language in languages for country in OF_LANGUAGE.get(language, ())} | set(declared)
    return tuple(country for country in KNOWN if country in wanted)


def recognizers_of(country: str) -> Iterator[Any]:
    """Yield Presidio's recognisers of one country, in the order of their names; none where it has none."""
    if country not in FOLDERS:
        return
    import importlib
    import inspect
    import pkgutil

    from presidio_analyzer import PatternRecognizer

    package = importlib.import_module(f"presidio_analyzer.predefined_recognizers.country_specific.{FOLDERS[country]}")
    for module in sorted(one.name for one in pkgutil.iter_modules(package.__path__) if one.name not in _OURS):
        holder = importlib.import_module(f"{package.__name__}.{module}")
        for _, kind in sorted(inspect.getmembers(holder, inspect.isclass)):
            if kind.__module__ == holder.__name__ and issubclass(kind, PatternRecognizer) and not kind.__name__.startswith("_"):
                try:
                    yield kind()  # type: ignore[call-arg]  # those that are no abstract base need none
                except TypeError:  # an abstract base among them
                    continue


def words_for(entity: str, recognizer: Any) -> Words:
    """Return the words that support an entity: ours, or the telling words of Presidio's phrases."""
    if entity in _WORDS:
        return _WORDS[entity]
    parts = {part for phrase in recognizer.context or [] for part in phrase.lower().replace("-", " ").replace("#", "").split()}
    return Words(frozenset(part for part in parts if part not in _IDLE and len(part) > 1))
