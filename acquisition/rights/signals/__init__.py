"""Opt-out and license signals: pure parsers, one file per mechanism, and `read`, which answers for anything fetched."""

from acquisition.rights.signals.licenses import page_license
from acquisition.rights.signals.read import AGENT, read
from acquisition.rights.signals.signal import (
    EVIDENCE,
    MECHANISMS,
    OPT_OUTS,
    Signal,
    Treatment,
    Verdicts,
    Word,
    decisive,
    may_follow,
    storage,
    verdicts,
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
    "decisive",
    "may_follow",
    "page_license",
    "read",
    "storage",
    "verdicts",
]
