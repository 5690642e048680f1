"""Opt-out and license signals: pure parsers, one file per mechanism, and `read`, which answers for anything fetched."""

from acquisition.rights.signals.agreement import page_claim, page_license
from acquisition.rights.signals.media import embedded
from acquisition.rights.signals.read import AGENT, forbidden, look, read
from acquisition.rights.signals.rsl import announced_in_robots
from acquisition.rights.signals.signal import (
    EVIDENCE,
    MECHANISMS,
    OPT_OUTS,
    Signal,
    Treatment,
    Verdicts,
    Word,
    bounded,
    carried,
    decisive,
    honoured,
    may_follow,
    storage,
    verdicts,
    wanted,
)

__all__ = [
    "AGENT",
    "EVIDENCE",
    "MECHANISMS",
    "OPT_OUTS",
    "Signal",
    "Treatment",
    "Verdicts",
    "Word",
    "announced_in_robots",
    "bounded",
    "carried",
    "decisive",
    "embedded",
    "forbidden",
    "honoured",
    "look",
    "may_follow",
    "page_claim",
    "page_license",
    "read",
    "storage",
    "verdicts",
    "wanted",
]
