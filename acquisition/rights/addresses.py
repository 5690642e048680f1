"""Addresses of licenses and the identifiers they stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from acquisition.rights.aliases import DBCL, FAMILY, RESERVED, US_GOVERNMENT
from acquisition.rights.creative_commons import from_address
from acquisition.rights.expressions import is_known, parse

ADDRESS: Final = re.compile(
    r"(?:https?:)?//[^\s<>\"'\])}]+|(?<![\w.@/-])(?:www\.)?"
    r"(?:creativecommons|opendatacommons|choosealicense|opensource|spdx|gnu|apache|cdla|unlicense|rightsstatements)"
    r"\.(?:org|com|dev|io)(?:/[^\s<>\"'\])}]*)?",
    re.IGNORECASE,
)
"""An address with a scheme, or one of a house of licenses without."""

# host and path without scheme, "www." and trailing slash → identifier
ADDRESSES: Final[Mapping[str, str]] = {
    "opendatacommons.org/licenses/by": "ODC-By-1.0",
    "opendatacommons.org/licenses/by/1-0": "ODC-By-1.0",
    "opendatacommons.org/licenses/by/1.0": "ODC-By-1.0",
    "opendatacommons.org/licenses/by/summary": "ODC-By-1.0",
    "opendatacommons.org/licenses/odbl": "ODbL-1.0",
    "opendatacommons.org/licenses/odbl/1-0": "ODbL-1.0",
    "opendatacommons.org/licenses/odbl/1.0": "ODbL-1.0",
    "opendatacommons.org/licenses/odbl/summary": "ODbL-1.0",
    "opendatacommons.org/licenses/pddl": "PDDL-1.0",
    "opendatacommons.org/licenses/pddl/1-0": "PDDL-1.0",
    "opendatacommons.org/licenses/pddl/1.0": "PDDL-1.0",
    "opendatacommons.org/licenses/pddl/summary": "PDDL-1.0",
    "opendatacommons.org/licenses/dbcl": DBCL,
    "opendatacommons.org/licenses/dbcl/1-0": DBCL,
    "opendatacommons.org/licenses/dbcl/1.0": DBCL,
    "cdla.io/permissive-1-0": "CDLA-Permissive-1.0",
    "cdla.io/permissive-2-0": "CDLA-Permissive-2.0",
    "cdla.io/sharing-1-0": "CDLA-Sharing-1.0",
    "cdla.dev/permissive-1-0": "CDLA-Permissive-1.0",
    "cdla.dev/permissive-2-0": "CDLA-Permissive-2.0",
    "cdla.dev/sharing-1-0": "CDLA-Sharing-1.0",
    "apache.org/licenses/license-2.0": "Apache-2.0",
    "opensource.org/licenses/mit": "MIT",
    "opensource.org/license/mit": "MIT",
    "opensource.org/licenses/apache-2.0": "Apache-2.0",
    "opensource.org/license/apache-2-0": "Apache-2.0",
    "opensource.org/licenses/bsd-2-clause": "BSD-2-Clause",
    "opensource.org/license/bsd-2-clause": "BSD-2-Clause",
    "opensource.org/licenses/bsd-3-clause": "BSD-3-Clause",
    "opensource.org/license/bsd-3-clause": "BSD-3-Clause",
    "opensource.org/licenses/isc": "ISC",
    "opensource.org/licenses/afl-3.0": "AFL-3.0",
    "gnu.org/licenses/gpl-2.0": "GPL-2.0-only",
    "gnu.org/licenses/old-licenses/gpl-2.0": "GPL-2.0-only",
    "gnu.org/licenses/gpl-3.0": "GPL-3.0-only",
    "gnu.org/licenses/lgpl-3.0": "LGPL-3.0-only",
    "gnu.org/licenses/lgpl-2.1": "LGPL-2.1-only",
    "gnu.org/licenses/old-licenses/lgpl-2.1": "LGPL-2.1-only",
    "gnu.org/licenses/agpl-3.0": "AGPL-3.0-only",
    "gnu.org/licenses/fdl-1.3": "GFDL-1.3-only",
    "gnu.org/licenses/old-licenses/fdl-1.2": "GFDL-1.2-only",
    "gnu.org/licenses/gpl": f"{FAMILY}gpl",
    "gnu.org/copyleft/gpl": f"{FAMILY}gpl",
    "gnu.org/copyleft/fdl": f"{FAMILY}gfdl",
    "mozilla.org/en-us/mpl/2.0": "MPL-2.0",
    "mozilla.org/mpl/2.0": "MPL-2.0",
    "unlicense.org": "Unlicense",
    "nationalarchives.gov.uk/doc/open-government-licence/version/3": "OGL-UK-3.0",
    "nationalarchives.gov.uk/doc/open-government-licence/version/2": "OGL-UK-2.0",
    "nationalarchives.gov.uk/doc/open-government-licence/version/1": "OGL-UK-1.0",
    "govdata.de/dl-de/by-2-0": "DL-DE-BY-2.0",
    "govdata.de/dl-de/zero-2-0": "DL-DE-ZERO-2.0",
    "open.canada.ca/en/open-government-licence-canada": "OGL-Canada-2.0",
    "data.norge.no/nlod/en/2.0": "NLOD-2.0",
    "data.norge.no/nlod/no/2.0": "NLOD-2.0",
    "data.norge.no/nlod/en/1.0": "NLOD-1.0",
    "data.norge.no/nlod/no/1.0": "NLOD-1.0",
    "joinup.ec.europa.eu/collection/eupl/eupl-text-eupl-12": "EUPL-1.2",
    "usa.gov/government-works": US_GOVERNMENT,
    "usa.gov/publicdomain/label/1.0": US_GOVERNMENT,
    "ec.europa.eu/info/legal-notice_en": "LicenseRef-EU-ODP-Legal-Notice",
    "ai.google.dev/gemma/terms": "LicenseRef-Gemma",
    "openmdw.ai/license/1-0": "LicenseRef-scancode-openmdw-1.0",
    "openmdw.ai/license/1-1": "LicenseRef-OpenMDW-1.1",
    "rightsstatements.org/vocab/inc/1.0": RESERVED,
    "rightsstatements.org/page/inc/1.0": RESERVED,
    "rightsstatements.org/vocab/inc-nc/1.0": RESERVED,
    "rightsstatements.org/vocab/inc-edu/1.0": RESERVED,
    "artlibre.org/licence/lal": "LAL-1.3",
    "eupl.eu/1.2": "EUPL-1.2",
    "wtfpl.net": "WTFPL",
    "boost.org/license_1_0": "BSL-1.0",
    "unsplash.com/license": "LicenseRef-scancode-unsplash",
    "pixabay.com/service/license": "LicenseRef-scancode-pixabay-content",
    "commoncrawl.org/terms-of-use": "LicenseRef-CommonCrawl-ToU",
    "openai.com/policies/terms-of-use": "LicenseRef-OpenAI-Terms",
    "etalab.gouv.fr/licence-ouverte-open-licence": f"{FAMILY}etalab",  # versions 1.0 and 2.0 stand there
    "gutenberg.org/license": "LicenseRef-scancode-gutenberg-2020",
    "microsoft.github.io/open-use-of-data-agreement/o-uda": "O-UDA-1.0",
}

_LIST: Final = re.compile(
    r"(?:spdx\.org/licenses|choosealicense\.com/licenses|opensource\.org/licenses?|api\.github\.com/licenses"
    r"|licenses\.opendefinition\.org/licenses|opendefinition\.org/licenses|scancode-licensedb\.aboutcode\.org)/([a-z0-9.+_-]+)"
)
_TAILS: Final = re.compile(r"(?:/index)?(?:\.[a-z]{2})?\.(?:html?|php|txt|en|json|rdf|md)$|\.en$")


def expression_of(address: str) -> str | None:
    """Return the expression that an address stands for, None when it names no license that we know."""
    if reading := from_address(address):
        return reading.identifier
    bare = unquote(address[:500]).split("#")[0].split("?")[0].strip().lower()
    plain = re.sub(r"^(?:https?:)?//(?:www\.|www2\.)?|^www\.", "", bare).rstrip("/.,;)")
    plain = re.sub(r"^([a-z.]+):(?:80|443)/", r"\1/", _TAILS.sub("", plain).rstrip("/"))
    if known := ADDRESSES.get(plain):
        return known
    return _listed(found[1], plain) if (found := _LIST.fullmatch(plain)) else None


def _listed(name: str, plain: str) -> str | None:
    """Return the identifier that the last part of an address on a list of licenses names."""
    if plain.startswith("scancode"):
        own = f"LicenseRef-scancode-{name}"
        return own if is_known(own) else parse(name)
    return parse(name) or parse(re.sub(r"-(\d)-(\d)$", r"-\1.\2", name))
