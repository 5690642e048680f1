"""What has been taken down and must not come back: tombstones.jsonl, append-only, digests and no content.

One JSON object a line: {scope, digest, item, source, ticket, at, by, reason}. `digest` is the sha256 (hexadecimal) of a value
in its one spelling, which is never written down itself:

content  the item's bytes: its content_sha256
text     the normal form of a text (`acquisition.sameness.texts`), so that other encodings and other dress are the same text
file     the bytes of a whole file that held nothing but taken-down items
url      an address in the crawler's own spelling (`acquisition.sameness.addresses`)
domain   a host, with all hosts below it
author   a name in folded case, with single spaces
source   the name of a declared source
item     an item's id

`item` is the id of the item that a line speaks of and `source` where it stood, "" where it speaks of more than one; whatever
its scope, that item is not to come back. An address also has `host`, the digest of its host: so a million rows are compared
without bringing every address into its one spelling.
"""

from acquisition.tombstones.record import append_tombstones, read_tombstones
from acquisition.tombstones.spellings import (
    LEAST_LETTERS,
    SCOPES,
    Scope,
    author_name,
    authors_in,
    digest_of,
    host_name,
    spelling,
)
from acquisition.tombstones.stones import NONE, Tombstone, Tombstones

__all__ = [
    "LEAST_LETTERS",
    "NONE",
    "SCOPES",
    "Scope",
    "Tombstone",
    "Tombstones",
    "append_tombstones",
    "author_name",
    "authors_in",
    "digest_of",
    "host_name",
    "read_tombstones",
    "spelling",
]
