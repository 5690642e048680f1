"""What the demo world holds, made on the spot from a seed: the same bytes every time, and we know what was planted where.

Personal data are invented or are numbers that their issuers reserve for examples: 555-01xx and 7946 0xxx telephone numbers,
the social security number that was printed on specimen cards, the card numbers of payment test systems, documentation IBANs.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from acquisition.demo.archives import tar_gz_bytes, zip_bytes
from acquisition.demo.sounds import Drum, blip, drum, murmur, silence
from acquisition.demo.words import BOILERPLATE, LABELS, boilerplate, chance_of, nearly, note, sentences

DRUMS: Final[tuple[Drum, ...]] = ("kick", "snare", "hat")
CORPUS: Final = "cv-corpus-24.0-2026-03-20/xx"

_PII: Final[tuple[tuple[str, str], ...]] = (
    ("pii.email-address", "Please send the bill by e-mail to rosa.lamplighter@example.org."),
    ("pii.email-address", "My new e-mail address is t.quill@post.example.com."),
    ("pii.email-address", "Write to keeper_of_keys@example.net if the gate stays shut."),
    ("pii.email-address", "The e-mail came from orders+north@shop.example.org again."),
    ("pii.phone-number", "Call me at my phone number (202) 555-0143 when it is ready."),
    ("pii.phone-number", "The telephone number on the crate was 202-555-0188."),
    ("pii.phone-number", "Our phone is +44 20 7946 0958, but only in the morning."),
    ("pii.us-ssn", "They asked for my social security number, 219-09-9999, at the counter."),
    ("pii.us-ssn", "Social security number 219 09 9999 was written on the envelope."),
    ("pii.iban-code", "Pay it to my IBAN GB82 WEST 1234 5698 7654 32 please."),
    ("pii.iban-code", "The IBAN on the note is DE89 3704 0044 0532 0130 00."),
    ("pii.credit-card", "I paid with credit card 4111 1111 1111 1111 at the desk."),
    ("pii.credit-card", "The credit card number 5555 5555 5555 4444 was still on the receipt."),
)
_NOTES_FROM: Final = 9  # the first so many stand in the notes, the others in the reviews

Row = tuple[str, str]
"""Label and text."""


@dataclass(frozen=True, slots=True)
class DemoData:
    """Every source's files, and what was planted in them (`planted`, see docs/demo.md)."""

    drums: Mapping[str, bytes]
    pack: Mapping[str, bytes]
    kit: bytes
    notes: bytes
    reviews: bytes
    attic: bytes
    lyrics: bytes
    guestbook: bytes
    voices: bytes
    planted: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Texts:
    notes: list[Row]
    reviews: list[Row]
    attic: list[Row]


@lru_cache(maxsize=2)
def make(seed: int = 7) -> DemoData:
    """Return the whole content of the world."""
    texts = _texts(seed)
    drums, pack, kit = _sounds(seed)
    guestbook = _plain(seed, "guestbook", 24)
    lyrics = _plain(seed, "lyrics", 40)
    voices = _voices(seed)
    return DemoData(
        drums=drums,
        pack=pack,
        kit=zip_bytes(kit),
        notes="".join(f"{label}\t{text}\n" for label, text in texts.notes).encode(),
        reviews=_parquet(texts.reviews, {"praise": "pos", "complaint": "neg", "question": "ask"}),
        attic=_csv([("text", "label"), *((text, label) for label, text in texts.attic)], ",").encode(),
        lyrics=_parquet(lyrics, {}),
        guestbook=_guestbook(guestbook),
        voices=tar_gz_bytes(voices),
        planted=_planted(texts, drums, pack, kit, len(guestbook), len(lyrics)),
    )


# --- sound --------------------------------------------------------------------------------------------------------------


def _sounds(seed: int) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, bytes]]:
    """Return the drum set, the pack and the kit: the pack repeats six hits of the set, the kit four, one mislabelled."""
    drums = {f"{kind}/{kind}-{n:02}.wav": drum(kind, seed * 1000 + n) for kind in DRUMS for n in range(1, 25)}
    drums["kick/kick-broken.wav"] = drums["kick/kick-01.wav"][:30] + b"this was never a sound"
    drums["snare/snare-silent.wav"] = silence(0.2)
    drums["hat/hat-blip.wav"] = blip(seed)
    pack = {
        f"{folder}/{folder.lower()} {n:02}.wav": drum(kind, seed * 1000 + 100 + n)
        for kind, folder in zip(DRUMS, ("BD", "SD", "HH"), strict=True)
        for n in range(1, 11)
    }
    for kind, folder in zip(DRUMS, ("BD", "SD", "HH"), strict=True):
        for n in (11, 12):
            pack[f"{folder}/{folder.lower()} {n}.wav"] = drums[f"{kind}/{kind}-{n - 10:02}.wav"]
    pack["LICENSE.txt"] = b"Recorded by us. Anybody may use these sounds under CC BY 4.0.\n"
    kit = {f"kit/{kind}/{kind}{n}.wav": drum(kind, seed * 1000 + 200 + n) for kind in DRUMS for n in range(1, 9)}
    for n in range(3, 7):
        kit[f"kit/kick/copy{n}.wav"] = drums[f"kick/kick-{n:02}.wav"]
    kit["kit/snare/odd.wav"] = drums["kick/kick-07.wav"]
    kit["../../escape.wav"] = drum("hat", seed * 1000 + 299)
    return drums, pack, kit


def _voices(seed: int) -> dict[str, bytes]:
    """Return a release in Common Voice's layout: 16 clips, 14 of them validated."""
    chance = chance_of(seed, "voices")
    header = ("client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes", "age", "gender")
    files, rows = {}, []
    for number in range(16):
        speaker = hashlib.sha512(f"{seed}/speaker/{number % 5}".encode()).hexdigest()
        clip = f"common_voice_xx_{40000 + number}.mp3"
        files[f"{CORPUS}/clips/{clip}"] = murmur(seed * 1000 + number)
        sentence = sentences(chance, 1)
        identity = hashlib.sha256(sentence.encode()).hexdigest()
        rows.append((speaker, clip, identity, sentence, "", "2", "0", "", "", "", "", "xx", ""))
    names = (*header, "accents", "variant", "locale", "segment")
    tables = {
        "validated": rows[:14],
        "train": rows[:8],
        "dev": rows[8:11],
        "test": rows[11:14],
        "other": rows[14:],
        "invalidated": [],
    }
    for name, members in tables.items():
        files[f"{CORPUS}/{name}.tsv"] = "".join("\t".join(row) + "\n" for row in (names, *members)).encode()
    files[f"{CORPUS}/README.md"] = b"# Common Voice xx\n\nVoices made by a program for a demonstration. CC0-1.0.\n"
    return files


# --- text ---------------------------------------------------------------------------------------------------------------


def _plain(seed: int, name: str, number: int) -> list[Row]:
    chance = chance_of(seed, name)
    return [(label, note(chance, label)) for label in (LABELS[n % len(LABELS)] for n in range(number))]


def _texts(seed: int) -> _Texts:
    """Return notes, reviews and the attic, with copies, near copies, contradictions, boilerplate and personal data."""
    chance = chance_of(seed, "planted")
    notes, reviews, attic = _plain(seed, "notes", 100), _plain(seed, "reviews", 100), _plain(seed, "attic", 12)
    notes += reviews[10:18] + notes[:2]
    attic += reviews[20:22]
    notes += [(label, nearly(text, chance)) for label, text in reviews[30:36]]
    notes += [(LABELS[(LABELS.index(label) + 1) % len(LABELS)], text) for label, text in reviews[40:43]]
    reviews += [(LABELS[n % len(LABELS)], boilerplate(chance, n)) for n in range(len(BOILERPLATE))]
    personal = [
        (label, f"{note(chance, label, 4)} {planted}")
        for (_, planted), label in zip(_PII, (LABELS[n % len(LABELS)] for n in range(len(_PII))), strict=True)
    ]
    notes += personal[:_NOTES_FROM]
    reviews += personal[_NOTES_FROM:]
    chance.shuffle(notes)
    chance.shuffle(reviews)
    return _Texts(notes, reviews, attic)


def _guestbook(rows: Sequence[Row]) -> bytes:
    """Return a semicolon table in windows-1252, whose thirteenth row has two fields too many."""
    lines: list[Sequence[str]] = [("visitor", "text", "label")]
    lines += [(f"Señor Nº{n}", f"“Café Zoë” – {text} It cost {n} €.", label) for n, (label, text) in enumerate(rows)]
    lines.insert(13, ("Miß Ünknown", "this row", "has", "too many", "fields"))
    return _csv(lines, ";").encode("cp1252")


def _csv(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return stream.getvalue()


def _parquet(rows: Sequence[Row], names: Mapping[str, str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    columns = {"text": [text for _, text in rows], "label": [names.get(label, label) for label, _ in rows]}
    pq.write_table(pa.table(columns), stream, compression="zstd")
    return stream.getvalue()


# --- what was planted ---------------------------------------------------------------------------------------------------


def _planted(
    texts: _Texts, drums: Mapping[str, bytes], pack: Mapping[str, bytes], kit: Mapping[str, bytes], guests: int, lyrics: int
) -> Mapping[str, object]:
    """Return what is where.

    `candidates` counts the rows and files that a reader meets, rejected ones not among them; `flags` the items that deserve a
    flag (duplicate.exact: all copies but one of each content, whatever their labels); `label-conflicts` the contents that
    carry two labels; `rejections` the source and code of what cannot become an item, one each.
    """
    kinds = sorted({kind for kind, _ in _PII})
    conflicts = 3 + 1  # three texts, and one sound that the kit calls a snare
    return MappingProxyType(
        {
            "candidates": {
                "drums": len(drums) - 1,
                "packs": len(pack) - 1,
                "kit": len(kit) - 1,
                "notes": len(texts.notes),
                "reviews": len(texts.reviews),
                "attic": len(texts.attic),
                "lyrics": lyrics,
                "guestbook": guests,
                "voices": 14,
            },
            "flags": {
                **{kind: sum(planted == kind for planted, _ in _PII) for kind in kinds},
                "duplicate.exact": 8 + 2 + 2 + 6 + 4,
                "duplicate.near": 6,
                "llm-style.boilerplate": len(BOILERPLATE) + 2,
                "quality.audio-silent": 1,
                "quality.audio-too-short": 1,
            },
            "label-conflicts": conflicts,
            "pii.locators": _locators(texts),
            "rejections": {"drums": "media-damaged", "kit": "archive-traversal", "guestbook": "bad-row"},
        }
    )


def _locators(texts: _Texts) -> Mapping[str, str]:
    """Return source and row of every planted personal datum → its kind."""
    found = {}
    for source, rows in (("notes", texts.notes), ("reviews", texts.reviews)):
        for number, (_, text) in enumerate(rows):
            kind = next((kind for kind, planted in _PII if text.endswith(planted)), None)
            if kind is not None:
                found[f"{source}#row={number}"] = kind
    return MappingProxyType(found)
