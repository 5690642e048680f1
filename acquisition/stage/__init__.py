"""From blobs to items in immutable shards of bounded size."""

from acquisition.stage.parts import Held, Part, PartResult, parts_of, stage_part
from acquisition.stage.staged import Inputs, Staged, inputs_of, load_staged, staged_from, write_staged

__all__ = [
    "Held",
    "Inputs",
    "Part",
    "PartResult",
    "Staged",
    "inputs_of",
    "load_staged",
    "parts_of",
    "stage_part",
    "staged_from",
    "write_staged",
]
