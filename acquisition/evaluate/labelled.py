"""Labelled JSON Lines: one model per filter, and every line that does not fit is named with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from acquisition.errors import UsageError

_SHOWN: Final = 20
_LONGEST: Final = 200_000_000
"""Bytes of one line."""


def _text(value: object) -> object:
    """Replace what no UTF-8 text can hold (lone surrogates in JSON escapes), as every reader does."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
Identity = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


class Line(BaseModel):
    """What every labelled line has; keys that the filter does not ask for are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Identity
    number: int = 0


class Sample(Line):
    """A line whose sample is a text, or a file named by its path, relative to the labelled file."""

    text: Text | None = None
    path: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Sample:
        if (self.text is None) == (self.path is None):
            raise ValueError("give either text or path")
        return self


class LicenseLine(Line):
    """A license claim; `expected` is an SPDX expression, or null where none can be known.

    A claim that a hub gives as a list or an object is read as what it gives.
    """

    claim: Text | None
    hub: str = ""
    url: Text = ""
    text: Text = ""
    expected: str | None

    @model_validator(mode="before")
    @classmethod
    def _nulls(cls, value: Any) -> Any:
        if isinstance(value, dict):
            claim = value.get("claim")
            value = value | {"claim": json.dumps(claim)} if isinstance(claim, list | dict) else value
            return {key: "" if one is None and key in {"hub", "url", "text"} else one for key, one in value.items()}
        return value


class SpanLabel(BaseModel):
    """One piece of personal data: characters start to end (exclusive), with Presidio's name of its kind."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    entity_type: str = Field(min_length=1)


class PiiLine(Line):
    """A text with all personal data in it."""

    text: Text
    language: str | None = None
    spans: tuple[SpanLabel, ...]


class DuplicateLine(Sample):
    """A sample and the cluster that it belongs to; samples without a cluster, or alone in theirs, have no copy."""

    cluster: str | int | None = None
    label: str | int | None = None


class LlmLine(Line):
    """A text and whether a language model wrote it."""

    text: Text
    llm: bool
    domain: str | None = None


class AdultLine(Sample):
    """A sample and whether it is for adults."""

    adult: bool
    url: str | None = None


class QualityLine(Sample):
    """A sample and the codes that it deserves; those of a table are of the table, its columns and its rows together."""

    codes: tuple[str, ...]
    label: str | int | None = None


LINES: Final[Mapping[str, type[Line]]] = {
    "license": LicenseLine,
    "pii": PiiLine,
    "duplicates": DuplicateLine,
    "llm_style": LlmLine,
    "adult": AdultLine,
    "quality": QualityLine,
}


def read_lines(file: Path, kind: type[Line]) -> list[Any]:
    """Return all lines. UsageError names the first lines that cannot be read as `kind`; nothing is left out in silence."""
    made: list[Line] = []
    faults: list[str] = []
    places: dict[str, int] = {}
    try:
        with file.open("rb") as stream:
            for number, raw in enumerate(iter(lambda: stream.readline(_LONGEST), b""), 1):
                if not raw.strip():
                    continue
                try:
                    line = kind.model_validate({**_object(raw, number), "number": number})
                    _check(line, file, places)
                    made.append(line)
                except (ValueError, RecursionError) as error:
                    faults.append(f"    {file}:{number}: {_why(error)}")
    except OSError as error:
        raise UsageError(f"the labelled file cannot be read: {error.strerror}", where=str(file)) from error
    if faults:
        more = f"\n    and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
        raise UsageError(
            f"{len(faults):,} lines are not labelled as this filter needs it:\n" + "\n".join(faults[:_SHOWN]) + more,
            where=str(file),
            hint=f"Each line is a JSON object with {', '.join(_needed(kind))}; docs/evaluate.md has the forms.",
        )
    if not made:
        raise UsageError("the labelled file has no lines", where=str(file), hint="Write one JSON object per line.")
    return made


def _object(raw: bytes, number: int) -> dict[str, Any]:
    text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  # collected with the others
    return value


def _check(line: Line, file: Path, places: dict[str, int]) -> None:
    if other := places.get(line.id):
        raise ValueError(f"the id {line.id!r} stands in line {other} already")
    places[line.id] = line.number
    if isinstance(line, Sample) and line.path is not None and not (file.parent / line.path).is_file():
        raise ValueError(f"there is no file {line.path!r} beside it")
    if isinstance(line, PiiLine):
        for span in line.spans:
            if not span.start < span.end <= len(line.text):
                raise ValueError(f"the span {span.start} to {span.end} is not inside the text of {len(line.text)} characters")


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'line'}: {one['msg']}" for one in error.errors()[:3])
    return str(error)


def _needed(kind: type[Line]) -> list[str]:
    return [name if field.is_required() else f"{name}?" for name, field in kind.model_fields.items() if name != "number"]
