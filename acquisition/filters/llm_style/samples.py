"""Reads the labelled lines of a calibration, one after the other; every line that does not fit is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from acquisition.errors import UsageError
from acquisition.filters.llm_style.calibrating import UNNAMED, Sample

_LONGEST: Final = 200_000_000
_SHOWN: Final = 20


def _text(value: object) -> object:
    """Replace what no UTF-8 text can hold (lone surrogates in JSON escapes), as every reader does."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


_Text = Annotated[str, BeforeValidator(_text)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    text: _Text
    llm: bool = False
    domain: _Text | None = None
    group: _Text = Field(default="", validation_alias=AliasChoices("group", "source", "pair"))
    date: str = Field(default="", pattern=r"^(?:[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}.*)?)?)?$")
    slice: _Text = ""


class SampleFile:
    """A labelled file: iterate over its samples once, then ask for the digest of what was read.

    Lines are JSON objects {text, llm?, domain?, group?, date?, slice?}; others than these keys are ignored. UsageError names
    the file where it cannot be read, holds no line, or up to twenty lines that do not fit.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The sha256 of the file, as hexadecimal digits."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Sample]:
        faults: list[str] = []
        lines = count = 0
        try:
            with self._path.open("rb") as stream:
                for number, raw in enumerate(iter(lambda: stream.readline(_LONGEST), b""), 1):
                    self._hash.update(raw)
                    if not raw.strip():
                        continue
                    lines += 1
                    try:
                        sample = _sample(raw)
                    except (ValueError, RecursionError) as error:
                        count += 1
                        faults += [f"    {self._path}:{number}: {_why(error)}"] if count <= _SHOWN else []
                        continue
                    yield sample
        except OSError as error:
            raise UsageError(f"the labelled file cannot be read: {error.strerror}", where=str(self._path)) from error
        if faults:
            more = f"\n    and {count - _SHOWN:,} more" if count > _SHOWN else ""
            hint = "Each line is a JSON object with text, and llm, domain, group, date (ISO 8601), slice where they are known."
            told = f"{count:,} lines cannot be counted:\n" + "\n".join(faults) + more
            raise UsageError(told, where=str(self._path), hint=hint)
        if not lines:
            raise UsageError("the labelled file has no lines", where=str(self._path), hint="Write one JSON object per line.")


def _sample(raw: bytes) -> Sample:
    line = _Line.model_validate(json.loads(raw.decode("utf-8-sig")))
    return Sample(line.text, line.llm, line.domain or UNNAMED, line.group, line.date, line.slice)


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'line'}: {one['msg']}" for one in error.errors()[:3])
    return str(error)
