"""sources.yaml as a whole, with the blocks that stand once in it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from acquisition.settings.base import ByteCount, ByteRate, Name, Settings
from acquisition.settings.curated import CuratedSettings
from acquisition.settings.filters import FilterSettings, PolicyRule
from acquisition.settings.signals import SignalSettings
from acquisition.settings.sources import SourceSettings


class UseSettings(Settings):
    """What the curated set is for. The license gate judges every item against it."""

    training: bool = True
    """Models are trained on it."""
    commercial: bool = False
    """It, or what is trained on it, earns money."""
    redistribute: bool = False
    """The set itself is passed on to others."""
    derivatives: bool = True
    """Items are changed: cropped, resampled, redacted, translated."""


class DatasetSettings(Settings):
    """The set that is being built."""

    name: Name
    """Short name, used in file names and manifests."""
    title: str = ""
    description: str = ""
    version: str = Field(default="0.1.0", pattern=r"^\d+\.\d+\.\d+$")
    """MAJOR.MINOR.PATCH of the curated set, for its manifest."""
    url: str = ""
    """Where the set is published, if it is."""
    creator: str = ""
    """Who builds it; left out: the contact's name."""
    answers: dict[str, str] = Field(default={})
    """Answers for the manifest that only a person can give, by field of the format (docs/manifest.md): "2.3.used": "Yes"."""
    use: UseSettings = UseSettings()


class ContactSettings(Settings):
    """Who answers for the traffic. It goes into every user agent; without it nothing is crawled."""

    name: str = Field(min_length=1)
    url: str = Field(pattern=r"^https?://\S+$")
    email: str = Field(pattern=r"^[^@\s<>()]+@[^@\s<>()]+\.[^@\s<>()]+$")


class LimitSettings(Settings):
    """Ceilings for the whole run."""

    bytes: ByteCount | None = None
    """No more than this is downloaded in one run."""
    items: int | None = Field(default=None, ge=1)
    """No more items than this are staged in all."""
    bandwidth: ByteRate | None = None
    """Bytes per second, over all downloads together."""
    disk_reserve: ByteCount = 1_000_000_000
    """Stop before the disk has less than this left."""


class Declaration(Settings):
    """sources.yaml as a whole. `sources` and `filters` hold the plug-ins' own settings models.

    `filters` maps a filter's name to its settings, or to False when it is not to run; a filter that is not named runs
    with its defaults. `policy` holds the user's rules; the built-in rules follow them (`acquire check` prints both).
    """

    version: Literal[1] = 1
    dataset: DatasetSettings = DatasetSettings(name="dataset")
    contact: ContactSettings | None = None
    sources: dict[str, SourceSettings]
    filters: dict[str, FilterSettings | Literal[False]] = Field(default={})
    signals: SignalSettings = SignalSettings()
    """What publishers say by machine against fetching and training: honour, record or ignore, per mechanism."""
    policy: tuple[PolicyRule, ...] = ()
    curated: CuratedSettings = CuratedSettings()
    manifest: tuple[str, ...] = ("items", "croissant", "attributions")
    limits: LimitSettings = LimitSettings()
