"""Stage 6: flags and decisions become verdicts, and what is kept becomes a data set that loads."""

from acquisition.curate.build import CODES, FILES, CurateInputs, CurateResult, build, placement_path
from acquisition.curate.judge import VerdictResult, VerdictTask, judge, judge_shard
from acquisition.curate.policy import DEFAULTS, Policy, PolicyRow

__all__ = [
    "CODES",
    "DEFAULTS",
    "FILES",
    "CurateInputs",
    "CurateResult",
    "Policy",
    "PolicyRow",
    "VerdictResult",
    "VerdictTask",
    "build",
    "judge",
    "judge_shard",
    "placement_path",
]
