"""Publishing: the curated set, its card and its manifest to a repository of the Hugging Face Hub, as far as rights go."""

from acquisition.publish.contents import Contents, Outgoing, Refusal, contents, outgoing
from acquisition.publish.difference import Difference, compare
from acquisition.publish.hub import Hub, Remote
from acquisition.publish.records import Push, known_paths, newest_pushes, note_paths, pushes, record
from acquisition.publish.target import HUB, Target, target_of

__all__ = [
    "HUB",
    "Contents",
    "Difference",
    "Hub",
    "Outgoing",
    "Push",
    "Refusal",
    "Remote",
    "Target",
    "compare",
    "contents",
    "known_paths",
    "newest_pushes",
    "note_paths",
    "outgoing",
    "pushes",
    "record",
    "target_of",
]
