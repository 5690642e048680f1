"""Flags adult and toxic content by the wording of texts, by addresses, and pictures by a model that the user brings.

Texts: our own cues (`cues`), and lists by path. One listed word is a note; a text is flagged by how many different ones it
holds and how often. Addresses: block lists by path, and host names that say what they are. Pictures without a model are not
checked, and that is said: no result of this filter calls anything clean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acquisition.filters.adult.addresses import own_cue
from acquisition.filters.adult.cues import cues, judge
from acquisition.filters.adult.lists import read_addresses, read_terms
from acquisition.filters.adult.settings import AdultSettings
from acquisition.filters.adult.terms import Hit, Terms
from acquisition.filters.flags import FlagRows, detail_json
from acquisition.model import Modality
from acquisition.protocols import Cost, Filter, FilterContext
from acquisition.settings import FilterSettings

_FIELDS: Final = ("text", "title", "fields")
_ADDRESSES: Final = ("url", "referrer")
_LONGEST: Final = 4_000_000
"""Characters of a text that are read word by word; of a longer one the first and the last two million."""
_MOST: Final = 20
"""Notes per item, field and list."""
_SHOWN: Final = 8


class Adult(Filter):
    """Flags adult and toxic wording, addresses on block lists, and pictures by a model of the user's."""

    name: ClassVar[str] = "adult"
    version: ClassVar[int] = 2
    Settings: ClassVar[type[FilterSettings]] = AdultSettings
    cost: ClassVar[Cost] = Cost(prepare=0.2, text=6.5, media=6.0, memory=120)  # the picture model's own time comes on top
    codes: ClassVar[Mapping[str, str]] = {
        "adult.text": "The wording of adult sites, or of explicit stories, abounds; the detail says which terms and how many.",
        "adult.word": "A listed word; a note, not evidence.",
        "adult.url": "The item's address is on a block list, or its host name says that it is an adult site.",
        "adult.image": "The picture model scores at or above the threshold; the score is the model's.",
        "adult.image-score": "What the picture model says below the threshold; a note.",
        "adult.not-checked": "The picture cannot be decoded, the model gave no number, or a part of a long text was not read.",
        "toxic.text": "Listed insults abound; a cue for a person to look, with a bias against dialects.",
        "toxic.word": "A listed insult; a note, not evidence.",
    }
    notes: ClassVar[frozenset[str]] = frozenset({"adult.word", "adult.image-score", "toxic.word"})

    def __init__(self, settings: FilterSettings, context: FilterContext) -> None:
        self._settings = settings if isinstance(settings, AdultSettings) else AdultSettings()
        self._context = context
        base = Path(context.base)
        self._words = read_terms(self._settings.words, base, "filters.adult.words")
        self._toxic = read_terms(self._settings.toxic, base, "filters.adult.toxic")
        self._urls = read_addresses(self._settings.urls, base, "filters.adult.urls")
        self._allow = read_addresses(self._settings.allow, base, "filters.adult.allow")
        self._pictures: Any = None
        if self._settings.image is not None:
            from acquisition.filters.adult.pictures import PictureJudge

            self._pictures = PictureJudge(self._settings.image, base)

    def flag(self, items: pa.RecordBatch) -> pa.RecordBatch:
        """Return flags for a batch: texts, titles and table columns, addresses, and pictures where a model is set."""
        flags = FlagRows(items)
        for field in _FIELDS:
            column = items.column(field)
            if column.null_count < len(column):
                self._flag_texts(column, field, flags)
        self._flag_addresses(items, flags)
        if self._pictures is not None:
            self._flag_pictures(items, flags)
        return flags.batch()

    def looks_at(self, modality: str) -> bool:
        """Pictures are looked at with a model, recordings never."""
        if modality == Modality.IMAGE.value:
            return self._pictures is not None
        return modality != Modality.AUDIO.value

    def looks_for(self, code: str) -> bool:
        """Codes of pictures need a model, codes of lists a list."""
        if code.startswith("toxic."):
            return bool(self._toxic)
        if code == "adult.word":
            return bool(self._words)
        return not code.startswith("adult.image") or self._pictures is not None

    def not_checked(self) -> tuple[str, ...]:
        """Return what this filter cannot see."""
        return tuple(self._limits())

    def _limits(self) -> Iterator[str]:
        if self._pictures is None:
            yield "adult: pictures, recordings and film (no model is set under filters.adult.image)"
        else:
            yield "adult: recordings and film; all but the first frame of moving pictures; how right the picture model is"
        if self._settings.own:
            yield "adult: slang, obfuscation and suggestion; texts in none of the 22 languages that our cues know"
        missing = [name for name, held in (("words", self._words), ("urls", self._urls)) if not held]
        if missing:
            yield f"adult: listed {' and '.join(missing)} (no list is set under filters.adult)"
        if not self._toxic:
            yield "adult: insults and hate (no list is set under filters.adult.toxic)"

    def _flag_texts(self, texts: pa.Array, field: str, flags: FlagRows) -> None:
        octets = pc.binary_length(texts).fill_null(0).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(octets > _LONGEST).tolist():
            if (length := len(texts[row].as_py())) > _LONGEST:
                detail = detail_json(reason="long", read=_LONGEST, of=length)
                flags.add(row, "adult.not-checked", field=field, detail=detail)
        if self._settings.own:
            for row in cues().gate.candidates(texts):
                self._flag_wording(row, field, _part(texts[row].as_py()), flags)
        for terms, family in ((self._words, "adult"), (self._toxic, "toxic")):
            for row in terms.candidates(texts):
                self._flag_listed(terms, family, row, field, _part(texts[row].as_py()), flags)

    def _flag_wording(self, row: int, field: str, text: str, flags: FlagRows) -> None:
        verdict = judge(*cues().terms.found(text))
        if verdict.flagged:
            facts = {"language": verdict.language, "context": verdict.context, "weight": round(verdict.score, 2)}
            detail = detail_json(by="own cues", terms=_counted(verdict.hits), **facts)
            flags.add(row, "adult.text", score=round(min(1.0, verdict.score / 10), 4), field=field, detail=detail)

    def _flag_listed(self, terms: Terms, family: str, row: int, field: str, text: str, flags: FlagRows) -> None:
        hits, words = terms.found(text)
        if not hits:
            return
        different = {hit.term for hit in hits}
        rate = len(hits) / max(1, words)
        if len(different) >= self._settings.min_terms and rate >= self._settings.rate:
            detail = detail_json(by="list", terms=_counted(hits), hits=len(hits), words=words)
            flags.add(row, f"{family}.text", score=round(min(1.0, rate), 4), field=field, detail=detail)
        if len(text) <= _LONGEST:  # spans of a shortened text would lie
            for hit in hits[:_MOST]:
                flags.add(
                    row, f"{family}.word", score=0.2, field=field, span=(hit.start, hit.end), detail=detail_json(by="list")
                )

    def _flag_addresses(self, items: pa.RecordBatch, flags: FlagRows) -> None:
        for field in _ADDRESSES:
            column = items.column(field)
            if column.null_count == len(column):
                continue
            known: dict[str, tuple[str, str]] = {}
            for row, url in enumerate(column.to_pylist()):
                if url:
                    by, entry = known.get(url) or known.setdefault(url, self._judged(url))
                    if entry:
                        score = 1.0 if by == "list" else 0.8
                        flags.add(row, "adult.url", score=score, field=field, detail=detail_json(by=by, entry=entry))

    def _judged(self, url: str) -> tuple[str, str]:
        if self._allow.match(url):
            return "", ""
        if entry := self._urls.match(url):
            return "list", entry
        return ("host name", own_cue(url)) if self._settings.own else ("", "")

    def _flag_pictures(self, items: pa.RecordBatch, flags: FlagRows) -> None:
        wanted = pc.equal(items.column("modality"), Modality.IMAGE.value).to_numpy(zero_copy_only=False)
        rows: list[int] = np.flatnonzero(wanted).tolist()
        if not rows:
            return
        from acquisition.filters.adult.opening import pictures_of

        settings = self._settings.image
        assert settings is not None
        waiting: list[tuple[int, np.ndarray]] = []
        for row, found in pictures_of(items, rows, self._context, self._pictures.arrays):
            if isinstance(found, str):
                flags.add(row, "adult.not-checked", detail=detail_json(reason=found))
                continue
            waiting.append((row, found))
            if len(waiting) >= settings.batch:
                self._score(waiting, flags)
                waiting.clear()
        self._score(waiting, flags)

    def _score(self, waiting: list[tuple[int, np.ndarray]], flags: FlagRows) -> None:
        settings = self._settings.image
        assert settings is not None
        for (row, _), score in zip(waiting, self._pictures.scores([one for _, one in waiting]), strict=True):
            if np.isnan(score):
                flags.add(row, "adult.not-checked", detail=detail_json(reason="the model gave no number"))
                continue
            code = "adult.image" if score >= settings.threshold else "adult.image-score"
            flags.add(row, code, score=round(float(score), 6), detail=detail_json(threshold=settings.threshold))


def _counted(hits: list[Hit] | tuple[Hit, ...]) -> dict[str, int]:
    return dict(Counter(hit.term for hit in hits).most_common(_SHOWN))


def _part(text: str) -> str:
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}\n{text[-half:]}"
