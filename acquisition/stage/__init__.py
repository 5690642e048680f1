"""From blobs to items in immutable shards of bounded size."""

from acquisition.stage.parts import Held, Part, PartResult, parts_of, stage_part
from acquisition.stage.staged import Staged, load_staged, staged_from, staging_key, write_staged

__all__ = [
    "Held",
    "Part",
    "PartResult",
    "Staged",
    "load_staged",
    "parts_of",
    "stage_part",
    "staged_from",
    "staging_key",
    "write_staged",
]
