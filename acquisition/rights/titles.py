"""Names and pages of licenses, to show to people."""

from __future__ import annotations

import re
from typing import Final

from acquisition.rights.expressions import is_known

_SCANCODE: Final = "LicenseRef-scancode-"

_TITLES: Final = {
    "CC0-1.0": "Creative Commons Zero 1.0 Universal",
    "CC-PDM-1.0": "Public Domain Mark 1.0",
    "PDDL-1.0": "ODC Public Domain Dedication and License 1.0",
    "ODC-By-1.0": "Open Data Commons Attribution License 1.0",
    "ODbL-1.0": "Open Database License 1.0",
    "LicenseRef-scancode-dbcl-1.0": "Database Contents License 1.0",
    "MIT": "MIT License",
    "Apache-2.0": "Apache License 2.0",
    "BSD-2-Clause": "BSD 2-Clause License",
    "BSD-3-Clause": "BSD 3-Clause License",
    "GPL-2.0-only": "GNU General Public License 2.0",
    "GPL-3.0-only": "GNU General Public License 3.0",
    "LGPL-3.0-only": "GNU Lesser General Public License 3.0",
    "AGPL-3.0-only": "GNU Affero General Public License 3.0",
    "GFDL-1.3-only": "GNU Free Documentation License 1.3",
    "CDLA-Permissive-1.0": "Community Data License Agreement Permissive 1.0",
    "Unlicense": "The Unlicense",
    "CDLA-Permissive-2.0": "Community Data License Agreement Permissive 2.0",
    "MPL-2.0": "Mozilla Public License 2.0",
    "CDLA-Sharing-1.0": "Community Data License Agreement Sharing 1.0",
    "C-UDA-1.0": "Computational Use of Data Agreement 1.0",
    "LicenseRef-scancode-public-domain": "Public domain",
    "LicenseRef-scancode-us-govt-public-domain": "United States government work",
    "LicenseRef-contents-reserved": "Contents reserved by their authors",
    "LicenseRef-Proprietary": "Proprietary terms",
    "NOASSERTION": "No license known",
}
_PAGES: Final = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-PDM-1.0": "https://creativecommons.org/publicdomain/mark/1.0/",
    "CC-PDDC": "https://creativecommons.org/licenses/publicdomain/",
    "PDDL-1.0": "https://opendatacommons.org/licenses/pddl/1-0/",
    "ODC-By-1.0": "https://opendatacommons.org/licenses/by/1-0/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
    "LicenseRef-scancode-dbcl-1.0": "https://opendatacommons.org/licenses/dbcl/1-0/",
    "CDLA-Permissive-1.0": "https://cdla.dev/permissive-1-0/",
    "CDLA-Permissive-2.0": "https://cdla.dev/permissive-2-0/",
    "CDLA-Sharing-1.0": "https://cdla.dev/sharing-1-0/",
    "LicenseRef-scancode-cc-sampling-plus-1.0": "https://creativecommons.org/licenses/sampling+/1.0/",
}
_CC: Final = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)-(\d\.\d)(?:-([A-Z]+))?")
_CC_WORDS: Final = {"BY": "Attribution", "NC": "NonCommercial", "SA": "ShareAlike", "ND": "NoDerivatives"}
_CC_SCOPE: Final = {"4.0": "International", "3.0": "Unported", "2.0": "Generic", "2.5": "Generic", "1.0": "Generic"}


def url_of(identifier: str) -> str:
    """Return the page of one license (its own where there is one, else the license list's), "" when there is none."""
    if page := _PAGES.get(identifier):
        return page
    if parts := _CC.fullmatch(identifier):
        port = f"{parts[3].lower()}/" if parts[3] else ""
        return f"https://creativecommons.org/licenses/{parts[1].lower()}/{parts[2]}/{port}"
    if identifier.startswith(_SCANCODE):
        return f"https://scancode-licensedb.aboutcode.org/{identifier.removeprefix(_SCANCODE).lower()}.html"
    return f"https://spdx.org/licenses/{identifier}.html" if is_known(identifier) else ""


def name_of(identifier: str) -> str:
    """Return a name to show for one license; the identifier itself where we know no better."""
    if title := _TITLES.get(identifier):
        return title
    if parts := _CC.fullmatch(identifier):
        words = "-".join(_CC_WORDS[mark] for mark in parts[1].split("-"))
        return f"Creative Commons {words} {parts[2]} {parts[3] or _CC_SCOPE.get(parts[2], '')}".rstrip()
    return identifier
