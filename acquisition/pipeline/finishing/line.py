"""What the earlier steps left, for one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from acquisition import manifest
from acquisition.crawl import missed_in
from acquisition.errors import Refused
from acquisition.model import Evidence, JudgedShard, Observation, Rejection, Release
from acquisition.pipeline.flagging import Flagged
from acquisition.pipeline.judging import Judged, flag_shard
from acquisition.pipeline.moving import Moved
from acquisition.pipeline.session import Session
from acquisition.pipeline.texts import license_texts
from acquisition.stage import Staged
from acquisition.tombstones import Tombstones, read_tombstones


@dataclass(frozen=True)
class Line:
    """Everything that the earlier steps left, for one run."""

    session: Session
    moved: Mapping[str, Moved]
    staged: Mapping[str, Staged]
    flagged: Sequence[Flagged]
    judged: Judged
    not_checked: tuple[str, ...]

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What the filters found of sources as a whole, then of those that keep something, in the order of the filters."""
        return (*(one for answer in self.flagged for one in answer.observations), *self.judged.observations)

    @property
    def releases(self) -> dict[str, Release]:
        """The releases that the staged items come from."""
        return {name: release for name in self.staged if (release := self.moved[name].release) is not None}

    @cached_property
    def texts(self) -> dict[str, tuple[Evidence, ...]]:
        """The LICENSE and README texts of every source."""
        return {name: found for name in self.staged if (found := license_texts(self.moved[name].held.values()))}

    @property
    def shards(self) -> tuple[JudgedShard, ...]:
        """All item shards with their flags and verdicts."""
        return tuple(
            JudgedShard(
                shard, tuple(flag_shard(answer, shard) for answer in self.flagged), str(self.judged.verdicts[shard.key])
            )
            for source in self.staged.values()
            for shard in source.shards
        )

    @property
    def tombstones(self) -> Tombstones:
        """What was taken down, now."""
        return read_tombstones(self.session.workspace.root / "tombstones.jsonl")

    def rejections(self) -> Iterator[Rejection]:
        """Yield what never became an item, source by source."""
        for name, moved in self.moved.items():
            yield from self.staged[name].rejections if name in self.staged else moved.failed

    def refusals(self) -> Iterator[manifest.Refusal]:
        """Yield the sources that policy, limits or missing rights kept out, and the addresses that were not visited."""
        for name, moved in self.moved.items():
            error = moved.planned.error
            if isinstance(error, Refused):
                yield manifest.Refusal(error.code, name, "", error.message)  # where the declaration lies is nobody's business
            directory = _archive(moved) or moved.crawled
            if directory is not None:
                for missed in missed_in(directory):
                    yield manifest.Refusal(missed.reason, name, missed.url, missed.detail, missed.at)

    def crawls(self) -> Iterator[tuple[str, Path]]:
        """Yield each crawled source whose items are staged, with the directory of the crawl that they come from."""
        for name in self.staged:
            if (directory := _archive(self.moved[name])) is not None:
                yield name, directory


def _archive(moved: Moved) -> Path | None:
    if moved.release is not None and moved.release.reader == "crawl" and moved.held:
        return Path(next(iter(moved.held.values())).file).parent
    return None
