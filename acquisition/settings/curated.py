"""What the curated set looks like: layout, classes, balance, splits, hold-outs and redaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from acquisition.settings.base import Settings
from acquisition.settings.paths import check_split_name, path_problem


class BalanceSettings(Settings):
    """How many items per class. An item of several classes counts in each."""

    max_per_class: int | None = Field(default=None, ge=1)
    min_per_class: int | None = Field(default=None, ge=1)
    """A class with fewer is left out, and said."""

    @model_validator(mode="after")
    def _most_is_not_less_than_least(self) -> BalanceSettings:
        least, most = self.min_per_class, self.max_per_class
        if least is not None and most is not None and most < least:
            raise ValueError(f"max_per_class is {most} and min_per_class {least}: no class could stay")
        return self


class SplitSettings(Settings):
    """How kept items are divided. Shares add up to 1; published splits are respected unless `published` is false."""

    model_config = ConfigDict(extra="allow")

    group_by: tuple[str, ...] = ("group",)
    """Items that share one of these never part: group, duplicate-cluster, page, or a column."""
    stratify_by: tuple[str, ...] = ()
    """Every split gets its share of each value of these: class, source, or a column. Left out: of the whole set only."""
    seed: int = 0
    published: bool = True

    @property
    def shares(self) -> Mapping[str, float]:
        """Name of the split → its share."""
        return MappingProxyType({name: float(share) for name, share in (self.model_extra or {}).items()})

    @model_validator(mode="after")
    def _shares_are_numbers(self) -> SplitSettings:
        extra: dict[str, Any] = self.model_extra or {}
        for name, share in extra.items():
            if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
                raise ValueError(f"the share of split {name!r} must be a number from 0 to 1, not {share!r}")
            check_split_name(name)
        if len({name.casefold() for name in extra}) < len(extra):
            raise ValueError("two splits have names that differ in case alone; some disks would make one folder of them")
        if extra and abs(sum(extra.values()) - 1) > 1e-6:
            raise ValueError(f"the shares add up to {sum(extra.values()):g}, not to 1")
        if self.stratify_by and not extra:
            raise ValueError("`stratify_by` needs shares to keep: write train: 0.8, test: 0.2 beside it")
        return self


class HoldoutSettings(Settings):
    """Items that are kept out of training: all that fit go to the split that the hold-out is called by, with their groups.

    One without `source`, `published` and `where` means the split of its name, however items come to be in it.
    """

    source: str = ""
    """Items of these sources (globs allowed)."""
    published: str = ""
    """Items that their publisher puts into this split."""
    where: dict[str, tuple[str | int | bool, ...]] = Field(default={})
    """Column → values: items that have one of the values in each of the columns (class, group, author, a kept column…)."""
    until: str = ""
    """Embargo: until this day (2027-06-30), or `released` for until this line is taken out, the items are not written."""
    why: str = ""

    @field_validator("until")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        if value not in {"", "released"}:
            try:
                dt.date.fromisoformat(value)
            except ValueError:
                raise ValueError(f"{value!r} is no day; write one such as 2027-06-30, or released") from None
        return value

    @property
    def selects(self) -> bool:
        """Say whether it names items, and not only a split."""
        return bool(self.source or self.published or self.where)

    def is_closed(self, today: dt.date) -> bool:
        """Say whether the embargo lasts on this day; it ends when the day it names begins."""
        return self.until == "released" or (self.until != "" and today < dt.date.fromisoformat(self.until))


SHORTEST_KEY: Final = 16
"""Fewer characters are tried out: telephone numbers are few enough to digest them all under every likely key."""


class RedactSettings(Settings):
    """What stands for a span that the policy redacts."""

    mode: Literal["placeholder", "pseudonym"] = "placeholder"
    """placeholder: its kind, <EMAIL_ADDRESS>. pseudonym: its kind and a keyed digest of it, equal for equal values."""
    key_env: str = ""
    """The environment variable that holds the key of the pseudonyms; the key itself is written nowhere."""

    @model_validator(mode="after")
    def _has_key(self, info: ValidationInfo) -> RedactSettings:
        environment = (info.context or {}).get("environment")
        if self.mode == "pseudonym" and not self.key_env:
            raise ValueError("mode pseudonym needs key_env, the name of an environment variable with the key")
        if self.mode == "pseudonym" and environment is not None and not environment.get(self.key_env):
            raise ValueError(f"the environment variable {self.key_env} is not set")
        if self.mode == "pseudonym" and environment is not None and len(environment[self.key_env]) < SHORTEST_KEY:
            raise ValueError(
                f"the environment variable {self.key_env} holds fewer than {SHORTEST_KEY} characters; a key that can be "
                "guessed gives the values back"
            )
        return self


class CuratedSettings(Settings):
    """What the curated set looks like on disk."""

    layout: str = "parquet"
    """folders, jsonl, parquet or webdataset."""
    path: str = ""
    """Where an item goes, from {split}, {class}, {name}, {id}, {source} and {ext}: {split}/{class}/{name}. The files of layout
    folders; the media files of jsonl; the names of media in the rows of parquet; the samples' keys in webdataset."""
    classes: dict[str, tuple[str, ...]] = Field(default={})
    """Class → labels of the sources that mean it. Labels not named keep their own name; a label of several classes is each."""
    balance: BalanceSettings = BalanceSettings()
    splits: SplitSettings = SplitSettings()
    holdouts: dict[str, HoldoutSettings] = Field(default={})
    """Split → the items that are kept out of training in it, and, under an embargo, out of the set."""
    redact: RedactSettings = RedactSettings()

    @field_validator("path")
    @classmethod
    def _path_is_usable(cls, value: str, info: ValidationInfo) -> str:
        problem = path_problem(value) if value else ""
        if value and not problem and info.data.get("layout") == "webdataset" and "{id}" not in value:
            problem = "in layout webdataset it needs {id}, because two samples of one key would become one"
        if problem:
            raise ValueError(f"{problem}. Write something like {{split}}/{{class}}/{{name}}")
        return value

    @field_validator("holdouts")
    @classmethod
    def _holdouts_are_no_training(cls, value: dict[str, HoldoutSettings]) -> dict[str, HoldoutSettings]:
        for name in value:
            check_split_name(name)
            if name.casefold() in {"train", "training", "trn"}:
                raise ValueError(f"a hold-out is kept out of training, so it cannot be called {name!r}")
        return value

    @model_validator(mode="after")
    def _splits_have_folders(self) -> CuratedSettings:
        several = len([share for share in self.splits.shares.values() if share]) > 1 or bool(self.holdouts)
        if self.layout == "folders" and self.path and several and not self.path.startswith("{split}/"):
            raise ValueError(
                f"`path` {self.path!r} does not begin with {{split}}/, so readers would take the files of all splits for "
                "training; write {split}/ before it"
            )
        names = {*self.splits.shares, *self.holdouts}
        if len({name.casefold() for name in names}) < len(names):
            raise ValueError(
                "a hold-out and a split have names that differ in case alone; some disks would make one folder of them"
            )
        return self
