"""What a user may write in sources.yaml, as frozen models; the JSON Schema is generated from these.

Every model refuses unknown keys. A field's `description` is what `acquire schema` and editors show. Adapters and filters
subclass `SourceSettings` and `FilterSettings` with their own keys. Reading the file, places and hints are the business
of `acquisition.declare`; nothing here does I/O. The rooms: `base` (values), `files`, `items`, `sources`, `signals`,
`filters`, `paths`, `curated`, and `declaration`, which is the file as a whole.
"""

from __future__ import annotations

from acquisition.settings.base import (
    ByteCount,
    ByteRate,
    Column,
    Expandable,
    ExpandablePath,
    FlagGlob,
    Name,
    Seconds,
    Settings,
    check_variables,
    expand_variables,
    parse_bytes,
    parse_rate,
    parse_seconds,
)
from acquisition.settings.curated import (
    SHORTEST_KEY,
    BalanceSettings,
    CuratedSettings,
    HoldoutSettings,
    RedactSettings,
    SplitSettings,
)
from acquisition.settings.declaration import ContactSettings, DatasetSettings, Declaration, LimitSettings, UseSettings
from acquisition.settings.files import FileSettings, glob_pattern
from acquisition.settings.filters import FilterSettings, PolicyRule
from acquisition.settings.items import ArchiveSettings, ItemSettings, PickSettings, ReadSettings
from acquisition.settings.paths import (
    PLACEHOLDER,
    PLACEHOLDERS,
    SPLIT_NAME,
    check_split_name,
    is_device,
    is_split_name,
    path_problem,
)
from acquisition.settings.signals import SignalSettings, Treatment
from acquisition.settings.sources import (
    AttributionSettings,
    AuthSettings,
    CrawlSettings,
    HostBudgetSettings,
    LicenseSettings,
    SourceLimitSettings,
    SourceSettings,
)

__all__ = [
    "PLACEHOLDER",
    "PLACEHOLDERS",
    "SHORTEST_KEY",
    "SPLIT_NAME",
    "ArchiveSettings",
    "AttributionSettings",
    "AuthSettings",
    "BalanceSettings",
    "ByteCount",
    "ByteRate",
    "Column",
    "ContactSettings",
    "CrawlSettings",
    "CuratedSettings",
    "DatasetSettings",
    "Declaration",
    "Expandable",
    "ExpandablePath",
    "FileSettings",
    "FilterSettings",
    "FlagGlob",
    "HoldoutSettings",
    "HostBudgetSettings",
    "ItemSettings",
    "LicenseSettings",
    "LimitSettings",
    "Name",
    "PickSettings",
    "PolicyRule",
    "ReadSettings",
    "RedactSettings",
    "Seconds",
    "Settings",
    "SignalSettings",
    "SourceLimitSettings",
    "SourceSettings",
    "SplitSettings",
    "Treatment",
    "UseSettings",
    "check_split_name",
    "check_variables",
    "expand_variables",
    "glob_pattern",
    "is_device",
    "is_split_name",
    "parse_bytes",
    "parse_rate",
    "parse_seconds",
    "path_problem",
]
