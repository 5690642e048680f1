"""What a run would do: releases, what is held already, bytes to move, rights, and what will be refused and why.

Planning asks hubs for listings and cards only. Sources that the lock pins are taken from the lock without asking anybody,
unless the world is to be compared with it.
"""

from acquisition.plan.comparing import Changes, Standing, compare, describe, still_held
from acquisition.plan.drift import Drift, Said, drift_of
from acquisition.plan.planned import (
    Action,
    Plan,
    PlannedSource,
    Rights,
    Ruled,
    State,
    Texts,
    is_archive,
    is_taken,
)
from acquisition.plan.planner import Look, Planner

__all__ = [
    "Action",
    "Changes",
    "Drift",
    "Look",
    "Plan",
    "PlannedSource",
    "Planner",
    "Rights",
    "Ruled",
    "Said",
    "Standing",
    "State",
    "Texts",
    "compare",
    "describe",
    "drift_of",
    "is_archive",
    "is_taken",
    "still_held",
]
