"""Where a redirect leads."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urljoin

from acquisition.crawl.contract import HeaderLines

_KEPT: Final = "!#$%&'()*+,/:;=?@[]~"


def target_of(url: str, headers: HeaderLines) -> str:
    """Return the absolute address that Location names, without fragment; "" when it names none that can be read.

    Servers write letters beyond ASCII as they stand, in UTF-8 as a rule: their bytes are escaped (RFC 3987 section 3.1).
    """
    location = next((value for name, value in headers if name.lower() == "location"), "").strip()
    if not location:
        return ""
    try:
        return urljoin(url, quote(location.encode("latin-1", "replace"), safe=_KEPT)).partition("#")[0]
    except ValueError:
        return ""
