"""Stage 6: flags and decisions become verdicts, and what is kept becomes a data set that loads."""

from acquisition.curate.build import CurateInputs, CurateResult, build
from acquisition.curate.files import FILES, demand_whole
from acquisition.curate.judge import VerdictResult, VerdictTask, judge, judge_shard
from acquisition.curate.placing import placement_path
from acquisition.curate.policy import DEFAULTS, Policy, PolicyRow
from acquisition.curate.settling import CODES, closed_holdouts

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
    "closed_holdouts",
    "demand_whole",
    "judge",
    "judge_shard",
    "placement_path",
]
