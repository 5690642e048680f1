"""The plan as values: one entry per source, and what holds for all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acquisition.errors import AcquisitionError
from acquisition.lock import Lock, TextDigest
from acquisition.model import Asset, Evidence, LicenseConclusion, Release
from acquisition.plan.comparing import Changes
from acquisition.plan.drift import Drift
from acquisition.protocols import Source
from acquisition.rights.combining import Combination

Action = Literal["download", "reuse", "crawl", "refuse", "error", "skip"]
State = Literal["new", "pinned", "redeclared", "updated", "local"]


@dataclass(frozen=True, slots=True)
class Ruled:
    """A code that a release earns before anything of it is here, and what the policy makes of it by which rule."""

    code: str
    outcome: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What the license gate says of a release before anything is moved: the codes it earns and what policy makes of them.

    `outcome` is the most severe one and `rule` the rule that decided it; `ruled` has all. `shown_by` says which field or text
    the license was read from, `duties` what a yes asks for, `opt_outs` what the publisher says against a use by machine.
    """

    conclusion: LicenseConclusion
    codes: tuple[str, ...] = ()
    outcome: str = "keep"
    rule: str = ""
    reasons: tuple[str, ...] = ()
    ruled: tuple[Ruled, ...] = ()
    shown_by: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()
    opt_outs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Texts:
    """License texts of a release that were read, and why others that it has could not be had."""

    read: tuple[Evidence, ...] = ()
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """One source in the plan.

    `published` is the release as the publisher describes it (what the lock keeps), `release` the same with the user's own
    word on license and authors. `taken` are the assets that `files` includes; `held` maps the path of those whose
    bytes are here to their sha256. A source that is skipped was not asked for and is not here. Sizes are bytes;
    `unknown_sizes` counts assets that nobody gives a size for. `items` is how many samples there are by the listing, or by
    what was staged, None where nothing tells. `drift` is an alarm, whether it refuses the source or not. `notes` say what this
    plan could not learn; the release has its own.
    """

    source: Source
    action: Action
    state: State = "new"
    published: Release | None = None
    release: Release | None = None
    taken: tuple[Asset, ...] = ()
    left_out: int = 0
    held: Mapping[str, str] = field(default_factory=dict)
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    """Files that are not to be held again, because what they held was taken down: path and sha256, "" where nobody knows it."""
    bytes_total: int = 0
    bytes_to_move: int = 0
    unknown_sizes: int = 0
    items: int | None = None
    rights: Rights | None = None
    changes: Changes | None = None
    drift: Drift | None = None
    texts: tuple[TextDigest, ...] = ()
    notes: tuple[str, ...] = ()
    error: AcquisitionError | None = None

    @property
    def is_unknown(self) -> bool:
        """Say whether nobody was asked about a source that nothing pins: what it would bring is not known."""
        return self.action == "skip" and self.release is None and self.error is None

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return the notes, and that a source brings nothing where `files` takes none of what is there."""
        if not self.left_out or self.taken or self.withdrawn:
            return self.notes
        return (*self.notes, f"it brings nothing: `files` leaves out all {self.left_out:,} of its files")

    @property
    def foreseen(self) -> tuple[str, ...]:
        """Return the notes, and what only staging tells: the licenses of the items, where a column of theirs holds them."""
        column = self.source.settings.items.license
        if column is None:
            return self.notes
        return (
            *self.notes,
            f"the license here is the source's; of each item column {column!r} decides where it says one, known once staged",
        )

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    @property
    def sign(self) -> str:
        """What becomes of its entry in the lock: "+" new, "~" changed, "=" as it was, "" where nothing is pinned."""
        if self.published is None or self.action in {"crawl", "skip", "error"}:
            return ""
        if self.changes is None:
            return {"new": "+", "local": "+", "redeclared": "~"}.get(self.state, "=")
        return "~" if self.changes.any or self.state == "redeclared" else "="


@dataclass(frozen=True, slots=True)
class Plan:
    """All sources in declared order, and the disk after it.

    `disk_set` is what the curated set and the tables on the way to it may take beside the downloads, at most about.
    `removed` are sources of the lock that are declared no more. `combination` tells which licenses of the sources that keep
    something do not go together. `notes` speak of the plan as a whole.
    """

    sources: tuple[PlannedSource, ...]
    disk_free: int
    disk_after: int
    lock: Lock
    disk_set: int = 0
    removed: tuple[str, ...] = ()
    combination: Combination | None = None
    notes: tuple[str, ...] = ()

    @property
    def bytes_to_move(self) -> int:
        """Known bytes that a fetch would download."""
        return sum(source.bytes_to_move for source in self.sources if source.action == "download")

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """All alarms, those that refuse a source first."""
        found = [source.drift for source in self.sources if source.drift is not None]
        return tuple(sorted(found, key=lambda drift: not drift.refused))


def is_taken(asset: Asset, source: Source) -> bool:
    """Archives stay in unless they are excluded by name: `files` is applied again to their members."""
    files = source.settings.files
    if files.takes(asset.path):
        return True
    return is_archive(asset.path) and not files.excludes(asset.path)


def is_archive(path: str) -> bool:
    """Say whether a file holds files, by its name."""
    return path.lower().endswith(
        (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tzst")
    )
