"""Many statements on a page, one license: only where all of them agree."""

from __future__ import annotations

from collections.abc import Iterable

from acquisition.rights.expressions import NOASSERTION
from acquisition.rights.signals.signal import EVIDENCE, Signal, clip


def page_license(signals: Iterable[Signal]) -> str:
    """Return the one expression that all statements on the page (or, failing them, the site) agree on.

    "" when there is none, NOASSERTION when they disagree or one of them is not understood.
    """
    found = {one.license for one in _statements_on_page(signals)}
    return "" if not found else found.pop() if len(found) == 1 else NOASSERTION


def page_claim(signals: Iterable[Signal]) -> tuple[str | None, str | None]:
    """Return words and address of what a page (or a media file) says of its own license, None where it says nothing.

    The address is that of a statement on which all agree. Where they do not agree, the words name them all, and no reader of
    licenses makes one license of such words.
    """
    statements = _statements_on_page(signals)
    if not statements:
        return None, None
    if len({one.license for one in statements}) > 1:
        shown = dict.fromkeys(one.license for one in statements)
        return clip(f"several licenses on the page: {' | '.join(shown)}"), None
    texts = [one.parsed.get("href") or one.raw for one in statements]
    address = next((text for text in texts if text[:8].lower().startswith(("http://", "https://"))), None)
    return (None if address else texts[0]), address


def _statements_on_page(signals: Iterable[Signal]) -> list[Signal]:
    """Return the statements that count for the page itself: on the page, else on its only article, else on the site.

    What the bytes of a media file say inside counts where it names a license; a copyright notice there names none.
    """
    evidence = [one for one in signals if one.license and one.mechanism in EVIDENCE]
    for speaks in (_of_page, _of_only_article, _of_site):
        if wanted := [one for one in evidence if speaks(one)]:
            return wanted
    return []


def _of_page(one: Signal) -> bool:
    inside = one.mechanism == "xmp-rights" and one.license != NOASSERTION
    return one.scope == "page" or inside or (one.scope == "item" and one.parsed.get("self") == "yes")


def _of_only_article(one: Signal) -> bool:
    return one.scope == "element" and one.parsed.get("element", "").endswith("/article")  # several would be numbered


def _of_site(one: Signal) -> bool:
    return one.scope == "site"
