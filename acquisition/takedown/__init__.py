"""Getting taken-down items out of everything that the workspace holds beside the staged shards, and proving that they are out.

`pipeline.withdrawal` says what goes (`Gone`); this room does not choose. It never touches files outside the workspace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GoneItem:
    """One item that leaves, as it stood in its staged shard; it holds no content.

    `blob` is the sha256 of the file that held it, `member` how its bytes are found in that file (FOUND_SCHEMA), `asset` the
    file's path in the release, `url` its own address or "". `modality` is that of the item: only bytes of media are read again.
    """

    id: str
    source: str
    release: str
    asset: str
    blob: str
    member: str
    locator: str
    modality: str
    content_sha256: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """Everything that leaves at once.

    `needed` says of every blob that held one of the items whether a remaining item of any source still needs its bytes (it
    is a picture, a recording or another file that lies in it); the text and the fields of rows lie in the staged shards.
    `remaining` counts the items of each such blob that stay, whether they need its bytes or not.
    """

    items: tuple[GoneItem, ...] = ()
    needed: Mapping[str, bool] = field(default_factory=dict)
    remaining: Mapping[str, int] = field(default_factory=dict)
