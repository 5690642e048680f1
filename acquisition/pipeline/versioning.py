"""Which version the set has that a run is about to write down: decided by its ledger, printed by all that is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acquisition import curate, manifest
from acquisition.curate.stamp import list_stamped, stamp
from acquisition.settings import DatasetSettings, Declaration
from acquisition.workspace import Workspace, utc_now


class Versioning:
    """Decides the version once the new ledger lies in the new manifest's folder, and leaves the history beside it.

    The set's card is given the version when the manifest that vouches for it is about to take its place: a manifest that is
    refused leaves both as they were, and a run that is killed in between does the same again.
    """

    def __init__(self, workspace: Workspace, dataset: DatasetSettings, papers: Mapping[str, Any], known: str) -> None:
        self._workspace, self._dataset = workspace, dataset
        self._papers, self._known = papers, known
        self.decided: manifest.Decided | None = None

    def __call__(self, directory: Path) -> tuple[str, str]:
        """Return the version in effect for the ledger in this folder, and since when it is."""
        decided = manifest.decide(
            self._workspace.manifest,
            directory / manifest.ITEMS,
            self._dataset.version,
            at=utc_now(),
            papers=self._papers,
            known=self._known,
        )
        manifest.write_versions(directory, decided)
        list_stamped(self._workspace.curated, self._files, decided.version, directory / manifest.FILES)
        self.decided = decided
        return decided.version, decided.new.at

    @property
    def _files(self) -> Path:
        return self._workspace.placements / curate.FILES

    def settle(self) -> None:
        """Give the set's card the version that was decided: the manifest is written, and nothing has refused it."""
        if self.decided is not None:
            stamp(self._workspace.curated, self._files, self.decided.version)

    def told(self) -> dict[str, str]:
        """Return what is remembered of it for the run's summary, as plain values."""
        if self.decided is None:
            return {}
        new = self.decided.new
        declared = "version" in self._dataset.model_fields_set
        return {
            "version": new.version,
            "step": new.step,
            "before": new.before,
            "why": new.why,
            "note": self.decided.note if declared else "",
        }


def papers(declaration: Declaration, rejected: Any, refused: Any) -> dict[str, Any]:
    """Return what a manifest says beside its items, by topic: a change of these is a new version too, by a patch."""
    return {
        "the set's description": declaration.dataset.model_dump(mode="json", exclude={"version", "use"}),
        "what the set is for": declaration.dataset.use.model_dump(mode="json"),
        "the contact": declaration.contact.model_dump(mode="json") if declaration.contact else None,
        "the policy": [rule.model_dump(mode="json") for rule in declaration.policy],
        "what was rejected": rejected,
        "what was refused": refused,
    }
