"""What an item's own words and its release's together say of its license."""

from __future__ import annotations

from dataclasses import replace

from acquisition.model import NO_CLAIM, Evidence, LicenseClaim, LicenseConclusion, Release
from acquisition.rights.licenses import conclude


def item_claim(release: Release | None, raw: str | None, url: str | None) -> LicenseClaim:
    """Return the claim that holds for one item: its own words and link where it has any, else its release's claim.

    The release's own word on training and redistribution stays, because it binds whatever the item says.
    """
    whole = release.license if release is not None else NO_CLAIM
    words, link = (raw or "").strip(), (url or "").strip()
    if not words and not link:
        return whole
    return replace(whole, raw=(words,) if words else (), vocabulary="prose", level="item", name="", link=link, evidence=())


def conclude_item(
    release: Release | None, raw: str | None, url: str | None, texts: tuple[Evidence, ...] = ()
) -> LicenseConclusion:
    """Return what we conclude for one item; the release's texts count where the item says nothing itself."""
    own = bool((raw or "").strip() or (url or "").strip())
    return conclude(item_claim(release, raw, url), () if own else texts)
