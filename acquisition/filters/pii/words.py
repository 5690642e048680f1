"""Words beside a number that say what it is, in the languages that people write, and how far from it they count.

Presidio's enhancer looks for its words as parts of tokens ("lic" in "public"); here a word counts as a whole or, where a
language bends it, by its beginning. The lists are ours: what forms, bank letters and messages call these things.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import regex

_WORD: Final = regex.compile(r"(?<![^\W\d_])(?:[^\W\d_]\.){2,5}[^\W\d_]?(?![^\W\d_])|[^\W\d_]+")
"""A word, or an abbreviation of single letters ("d.o.b.")."""
_UNSPACED: Final = "\u0e00"
"""From here on most scripts write no spaces between words, or bind endings to them: a word counts inside others, too."""
_CAMEL: Final = regex.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")
_LONGEST_NAME: Final = 200
_BEFORE: Final = 100
_AFTER: Final = 30
FULL_REACH: Final = 8
_WEAK_REACH: Final = 3
_WORDS_AFTER: Final = 2
_DENIED_BEFORE: Final = 3
_CLEAR: Final = 3.0
_VAGUE: Final = 1.0
_OTHER: Final = 3.2
_THING: Final = 2.0
_FADING: Final = 0.9


@dataclass(frozen=True, slots=True)
class Words:
    """Words that support a kind of finding: whole ones, and beginnings of words."""

    whole: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    mild: frozenset[str] = frozenset()
    """Of words that call something by another name: those that may also stand beside it by chance ("parcel", "order")."""

    inside: tuple[str, ...] = ()
    """Those of `whole` that also count inside what stands between two spaces."""

    def among(self, words: Iterable[str]) -> bool:
        """Say whether one of these words (lower case) supports."""
        return any(
            word in self.whole
            or (bool(self.beginnings) and word.startswith(self.beginnings))
            or (word >= _UNSPACED and any(one in word for one in self.inside))
            for word in words
        )

    def within(self, lowered: str) -> bool:
        """Say whether a text (lower case) may hold one of those that need not be whole words."""
        return any(one in lowered for one in (*self.beginnings, *self.inside))

    def __or__(self, other: Words) -> Words:
        beginnings = tuple(dict.fromkeys(self.beginnings + other.beginnings))
        return Words(self.whole | other.whole, beginnings, inside=tuple(dict.fromkeys(self.inside + other.inside)))


def words(listed: str) -> Words:
    """Return Words from a list; "telef-" stands for every word that begins so."""
    parts = listed.split()
    return Words(
        frozenset(part for part in parts if not part.endswith("-")),
        tuple(part[:-1] for part in parts if part.endswith("-")),
        inside=tuple(part for part in parts if part >= _UNSPACED),
    )


NONE: Final = Words()
PHONE: Final = words(
    "phone phones telephone tel cell cellphone cellular mobile mob call calls called calling caller fax faxes text "
    "texts txt sms whatsapp signal viber contact contacts contactable ring rang dial dialed dialled answering answer "
    "message messages desk office hotline helpline reach reached landline voicemail callback number ext extension "
    "pager line ph mobil- telef- teléf- móvil celular llama llamar llame llámame llámanos contacto contactar handy "
    "rufnummer rückruf durchwahl mobil- anrufen anruf ruf erreichbar erreichen festnetz telefon- téléph- telep- "
    "portable gsm appel- joindre joignable cellulare cell chiamare chiamami chiama chiamata recapito telemóvel "
    "telemovel ligar ligue contato bellen bel telefoon- nummer gsm mobiel telefonu komórk- komork- zadzwoń zadzwon "
    "numer kom puhelin puhelin- telefon- mobilnummer tlf ring ringa ring телефон- тел звон- номер τηλ- κινητό फ़ोन फोन "
    "मोबाइल هاتف جوال טלפון נייד thoại 电话 手机 電話 手機 携帯 携帶 传真 連絡先 전화 휴대폰 핸드폰 연락처 팩스 โทร มือถือ"
)
"""Telephones: nouns on forms and verbs of messages."""
OTHER_NUMBER: Final = words(
    "isbn issn doi arxiv sku ean upc gtin imei imsi order orders invoice version serial build rfc pmid pmcid orcid id "
    "ids ref reference case ticket tracking parcel shipment part item article catalog catalogue lot batch page pages "
    "pp vol volume chapter section model port ports pid uid gid timestamp epoch unix hash commit revision rev ssn "
    "ssid nhs card iban account acct passport license licence zip postcode plz postal lat lon latitude longitude "
    "coordinates policy claim member customer patient mrn npi vat tin ein bestellnummer rechnungsnummer kundennummer "
    "commande facture pedido factura fattura ordine bestelling factuur zamówienie faktura vin cas patent articolo "
    "artikel- articulo artículo artigo codice código codigo processo aktenzeichen fabriknummer przesyłka case docket "
    "population usd eur gbp isin cusip kontonummer barcode figure table bytes bestell- rechnung- 订单 "
    "编号 单号 快递 发票 注文 会員 伝票 주문 송장"
)
"""What calls a number by another name; of a word for the kind looked for and one of these, the nearer decides."""
NOT_PHONE: Final = replace(
    OTHER_NUMBER,
    mild=words(
        "order orders ticket tracking parcel shipment part item article catalog catalogue lot batch page pages section model "
        "case policy claim member customer patient port ports figure table commande pedido ordine bestelling zamówienie "
        "articolo articulo artículo artigo przesyłka"
    ).whole,
)
"""The same for telephones, whose forms are known: things that one telephones about need not be what the number is of."""
CARD: Final = words(
    "card cards credit debit cc ccnum visa mastercard amex american discover jcb diners maestro unionpay cvv cvc "
    "expir- exp pay paid payment charge charged karte karten- kreditkart- tarjeta- carte carta cartão cartao "
    "creditcard- kart- karta karty kredit- betaal- карт- luottokort-"
)
NOT_CARD: Final = words(
    "order invoice tracking parcel shipment imei serial sku ean upc gtin isbn id ids uid timestamp epoch transaction "
    "reference ref case ticket session request trace hash barcode 订单 编号 单号 快递 注文 伝票 주문 송장"
)
BANK: Final = words(
    "iban bank banks banking transfer bic swift konto- kontonummer überweis- virement compte cuenta conto bonifico "
    "rekening- rachun- przelew conta transferência transferencia account"
)
MAIL: Final = words("email emails mail mails e-mail mailto correo courriel posta gmail 邮箱 邮件 メール 이메일")
ADDRESS: Final = words(
    "ip ipv ips address addresses host hosts server servers client clients login logged ping pinged ssh connect- "
    "subnet gateway dns firewall blocked banned adresse dirección direccion indirizzo endereço adres remote peer src "
    "dst source destination forwarded visitor whois nslookup traceroute"
)
VERSION: Final = words(
    "v ver version versions versión versione versão wersja release releases build builds section oid firmware driver "
    "drivers chrome chromium firefox safari edge opera paragraph clause fixed upgrade upgraded update updated "
    "installed install requires plugin package library kernel android ios windows java python runtime sdk patch "
    "changelog since until"
)
DEVICE: Final = words("mac hardware ethernet device bssid wifi wlan adapter interface nic physical bluetooth")
WALLET: Final = words(
    "wallet wallets btc bitcoin crypto eth ethereum coin address deposit donate donation brieftasche portefeuille cartera"
)
BIRTH: Final = words(
    "born birth birthday birthdate dob bday geb geboren geburtsdatum geburtstag né née naissance nacido nacida "
    "nacimiento nato nata nascita nascido nascida nascimento geboorte- gebdatum urodz- ur urodzenia syntym- född "
    "fødselsdato fødsels- födelse- рожд- doğum birthdat- cumpleaños compleanno anniversaire 生年月日 誕生日 出生 생년월일 วันเกิด"
)
SSN: Final = words("social security ssn ssns ssid socialsecurity ss sociale")
NIR: Final = words("nir sécurité securite sociale sociales insee immatriculation vitale assuré assurée assure ssn social")
TAXPAYER: Final = words("taxpayer itin tax taxid tin individual")
NHS: Final = words("nhs nhsno nhsnumber")
US_ACCOUNT: Final = words("bank banks banking checking savings acct deposit wire chequing")
ACCOUNT: Final = words("account accounts acct checking savings chequing number no num")
ROUTING: Final = words("aba routing rtn")
PASSPORT: Final = words(
    "passport passports passportno passportnumber pasaporte passeport reisepass passaporto paszport- paspoort passnummer travel"
)
DRIVER: Final = words("driver drivers driving driver's dmv dl dln driverslicense driverlicense dvla")
LICENSE: Final = words("license licence licenses licences lic permit dmv dl dln driverslicense driverlicense dvla")
MEDICAL: Final = words("dea prescriber prescribing narcotics controlled registrant medical certificate")


WEAK: Final = words(
    "number nummer numer call calls called calling text texts contact contacts contato contacto message messages line signal "
    "desk "
    "answer answering ring rang reach reached office cell ext extension portable fixe ligar ruf ringa ph"
).whole
"""Words for telephone that mean other things as well."""


@dataclass(frozen=True, slots=True)
class Nearby:
    """The words around a place, lower case, nearest last before it and nearest first after it.

    What a word says weighs by its kind and fades with its distance: of a clear word for the kind of number and the name of
    another kind the nearer weighs more; a clear word weighs more than a thing that numbers are found on ("parcel") up to three
    words nearer, if the number has a form of its own; a word that can mean many things weighs less than all of these.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]

    def support(self, wanted: Words, denied: Words = NONE, reach: int = FULL_REACH, *, formed: bool = False) -> bool:
        """Say whether a wanted word stands near, before or behind, and weighs more than those that call it something else.

        With less than the full reach, words that mean many things ("call", "number") do not count, unless at three words.
        `formed`: the number looks like one of the kind wanted without any word.
        """
        return self._for(wanted, reach) > self._against(denied, wanted, formed=formed)

    def denies(self, wanted: Words, denied: Words, *, formed: bool = False) -> bool:
        """Say whether the words just before call it something else, and nothing near weighs more."""
        for word in reversed(self.before[-_DENIED_BEFORE:]):
            if denied.among((word,)):
                return self._against(denied, wanted, formed=formed) >= self._for(wanted, FULL_REACH)
            if wanted.among((word,)):
                return False
        return False

    def _for(self, wanted: Words, reach: int) -> float:
        strongest = 0.0
        for distance, word in enumerate(reversed(self.before[-reach:])):
            if wanted.among((word,)):
                if word not in WEAK:
                    return max(strongest, _CLEAR * _FADING**distance)
                if reach >= _WEAK_REACH:
                    strongest = max(strongest, _VAGUE * _FADING**distance)
        for distance, word in enumerate(self.after, start=1):
            if wanted.among((word,)):
                strongest = max(strongest, (_VAGUE if word in WEAK else _CLEAR) * _FADING**distance)
        return strongest

    def _against(self, denied: Words, wanted: Words, *, formed: bool) -> float:
        if not denied.whole:
            return 0.0
        return max(
            (
                (_THING if formed and word in denied.mild else _OTHER) * _FADING**distance
                for distance, word in enumerate(reversed(self.before[-_DENIED_BEFORE:]))
                if denied.among((word,)) and not wanted.among((word,))
            ),
            default=0.0,
        )


def nearby(text: str, start: int, end: int) -> Nearby:
    """Return the words around a span; a word that the window cuts is not taken for the word that is left of it."""
    low, high = max(0, start - _BEFORE), min(len(text), end + _AFTER)
    before = _words_of(text[low:start].lower())
    after = _words_of(text[end:high].lower())
    if low and text[low - 1].isalpha() and text[low].isalpha():
        before = before[1:]
    if high < len(text) and text[high].isalpha() and text[high - 1].isalpha():
        after = after[:-1]
    return Nearby(tuple(before[-FULL_REACH:]), tuple(after[:_WORDS_AFTER]))


def _words_of(lowered: str) -> list[str]:
    return [word.replace(".", "") if "." in word else word for word in _WORD.findall(lowered)]


class Spoken:
    """The words of one text, read when they are first asked for, those around places in it, and those of its column's name."""

    def __init__(self, text: str, named: tuple[str, ...]) -> None:
        self.named = named
        self._text = text
        self._words: tuple[frozenset[str], str] | None = None
        self._anywhere: dict[int, bool] = {}
        self._around: dict[tuple[int, int], Nearby] = {}

    def anywhere(self, wanted: Words) -> bool:
        """Say whether a wanted word may stand in the text at all; the lists of words are those of rules, which stay."""
        said = self._anywhere.get(id(wanted))
        if said is None:
            said = self._anywhere[id(wanted)] = self._holds(wanted)
        return said

    def _holds(self, wanted: Words) -> bool:
        if self._words is None:
            lowered = self._text.lower()
            self._words = frozenset(_words_of(lowered)), lowered
        words, lowered = self._words
        return not wanted.whole.isdisjoint(words) or wanted.within(lowered)

    def near(self, wanted: Words, start: int, end: int) -> bool:
        """Say whether a wanted word stands near a span, or in the name of the column."""
        if wanted.among(self.named):
            return True
        if not self.anywhere(wanted):
            return False
        around = self.around(start, end)
        return wanted.among(around.before) or wanted.among(around.after)

    def around(self, start: int, end: int) -> Nearby:
        """Return the words around a span, as `nearby` does."""
        found = self._around.get((start, end))
        if found is None:
            found = self._around[start, end] = nearby(self._text, start, end)
        return found


_IDLE_IN_NAMES: Final = words(
    "number nummer numer call calls text texts message messages line signal desk answer ring reach office ext extension "
    "no id date num nr code type status count total amount name"
).whole
"""Words that columns of every kind are named by."""


def parts_of(name: str) -> tuple[str, ...]:
    """Return the telling words of a column's name: "homePhone_no" → home, phone, homephoneno."""
    parts = tuple(part.lower() for part in _CAMEL.findall(name[:_LONGEST_NAME]))
    whole = ("".join(parts),) if len(parts) > 1 else ()
    return tuple(part for part in parts if part not in _IDLE_IN_NAMES) + whole
