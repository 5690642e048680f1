"""What all settings are made of: the base model, and single values with a spelling of their own (sizes, times, variables)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema

_UNITS: Final[Mapping[str, int]] = {"B": 1} | {
    prefix + unit: base**power for power, prefix in enumerate("KMGTP", start=1) for unit, base in (("B", 1000), ("iB", 1024))
}
_AMOUNT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGTPkmgtp]?)(i?)[Bb]?\s*", re.ASCII)


def parse_bytes(value: object) -> int:
    """Return a number of bytes from 5000, "5 GB" (1000s) or "5GiB" (1024s); ValueError says what is accepted."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and (match := _AMOUNT.fullmatch(value)):
        unit = match[2].upper() + match[3] + "B"
        if unit in _UNITS:
            return round(float(match[1]) * _UNITS[unit])
    raise ValueError(f"{value!r} is not a size; write a number of bytes or a text such as 500MB, 2.5GB or 1GiB")


def parse_rate(value: object) -> int:
    """Return bytes per second from "50MB/s" (the "/s" may be left out)."""
    if isinstance(value, str):
        value = re.sub(r"\s*/\s*s\s*$", "", value)
    return parse_bytes(value)


def parse_seconds(value: object) -> float:
    """Return seconds from 90, "90s", "15m", "2h" or "1d"."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*", value)):
        return float(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    raise ValueError(f"{value!r} is not a duration; write seconds or a text such as 90s, 15m, 2h or 1d")


def _amount_schema(examples: list[str]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}], "examples": examples})


ByteCount = Annotated[int, BeforeValidator(parse_bytes), _amount_schema(["500MB", "5GiB"])]
ByteRate = Annotated[int, BeforeValidator(parse_rate), _amount_schema(["50MB/s"])]
Seconds = Annotated[
    float,
    BeforeValidator(parse_seconds),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}], "examples": ["30s", "15m"]}),
]
Column = Annotated[str | int, Field(description="A column by its name, or by its position counted from 0.")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
FlagGlob = Annotated[str, Field(min_length=1, description="A flag code; * stands for any part of it.")]


_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def check_variables(value: object, info: ValidationInfo) -> object:
    """Return the text as it is; ValueError names an environment variable in it that is not set.

    The variables come from the validation context (`{"environment": {...}}`); without one nothing is checked.
    """
    environment = (info.context or {}).get("environment")
    if environment is not None and isinstance(value, str):
        for name in _VARIABLE.findall(value):
            if name not in environment:
                raise ValueError(f"the environment variable {name} is not set")
    return value


def expand_variables(value: object, info: ValidationInfo) -> object:
    """Replace each `${NAME}` by the environment variable; ValueError names one that is not set."""
    environment = (info.context or {}).get("environment")
    if environment is None or not isinstance(value, str):
        return value
    check_variables(value, info)
    return _VARIABLE.sub(lambda match: str(environment[match[1]]), value)


_EXPANDS: Final = Field(json_schema_extra={"expands": True})
Expandable = Annotated[str, BeforeValidator(expand_variables), _EXPANDS]
"""A text in which `${NAME}` stands for an environment variable. Where nothing says so, a `${` is refused."""
ExpandablePath = Annotated[str, BeforeValidator(check_variables), _EXPANDS]
"""A path in which `${NAME}` and `~` are expanded where the file is opened, so that the lock is the same on every machine."""


class Settings(BaseModel):
    """Base of everything declared: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, validate_default=False)
