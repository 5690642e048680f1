"""How right a filter is on a labelled file: it runs as the pipeline runs it, and its flags are compared with the labels."""

from acquisition.evaluate.evaluating import SCORED, Report, evaluate
from acquisition.evaluate.metrics import Tally, wilson

__all__ = ["SCORED", "Report", "Tally", "evaluate", "wilson"]
