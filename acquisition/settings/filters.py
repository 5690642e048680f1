"""What every filter may say, and the rules of the policy that decides on flags."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from acquisition.settings.base import FlagGlob, Settings


class FilterSettings(Settings):
    """What every filter may say. A filter set to false is not run, and that is said wherever results are shown."""

    def inputs(self) -> tuple[str, ...]:
        """Return the files and folders that answers depend on (lists, models, calibrations), relative to sources.yaml.

        Their digests are part of what results are named by: a list that changes under the same name is looked through again.
        """
        return ()


class PolicyRule(Settings):
    """One rule. For each flag the first rule that fits decides; the most severe outcome is the item's."""

    flag: FlagGlob
    outcome: Literal["drop", "hold", "redact", "keep"]
    at_least: float | None = Field(default=None, ge=0, le=1, strict=False)
    """The rule fits only flags with this score or more."""
    source: str = "*"
    """The rule fits only this source (globs allowed)."""
    why: str = ""
