"""Where a release came from, as papers tell it: its page, the addresses that were declared, or a folder of one's own."""

from __future__ import annotations

from typing import Final

from acquisition.model import Release
from acquisition.network import public_url

OWN_FOLDER: Final = "the owner's own folder"


def came_from(release: Release) -> str:
    """Return the place in words for others: no credentials, no queries, no path of a machine; "" where none is recorded.

    Of several addresses the first is told, and how many more there are.
    """
    if release.homepage:
        return release.homepage
    addresses = dict.fromkeys(public_url(asset.url) for asset in release.assets if asset.url)
    if addresses:
        more = f" and {len(addresses) - 1:,} more" if len(addresses) > 1 else ""
        return f"{next(iter(addresses))}{more}"
    return OWN_FOLDER if any(asset.local_path for asset in release.assets) else ""
