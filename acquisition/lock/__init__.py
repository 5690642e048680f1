"""sources.lock: what exactly was taken, reviewable in a diff.

One JSON file beside sources.yaml with sorted keys: per source the pinned revision, every file with size and digests, the
license claim with the digest of the text it was read from, the user's own word, terms accepted by whom and when, and what
crawled hosts said of their use. The declaration is never rewritten; this file is generated and belongs under version control.
"""

from acquisition.lock.form import VERSION, lock_schema
from acquisition.lock.pins import (
    HostFile,
    Lock,
    Pin,
    TextDigest,
    identity,
    own_word,
    same_but_for_time,
    settled,
)
from acquisition.lock.positions import Place, place_of
from acquisition.lock.reading import read_document, read_lock
from acquisition.lock.sealing import seal_of
from acquisition.lock.writing import write_lock

__all__ = [
    "VERSION",
    "HostFile",
    "Lock",
    "Pin",
    "Place",
    "TextDigest",
    "identity",
    "lock_schema",
    "own_word",
    "place_of",
    "read_document",
    "read_lock",
    "same_but_for_time",
    "seal_of",
    "settled",
    "write_lock",
]
