"""How people write the licenses: our own table of names, hub codes and addresses, and the identifiers they mean.

Names are compared folded (see `fold`), so one row covers upper and lower case, punctuation, "license" and "licence",
"the", and "v2", "2" or "version 2.0". Creative Commons names are read by the grammar in `creative_commons`, not listed.
A name that leaves the version open means a family (`LicenseRef-family-…`), never the newest version.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

from acquisition.rights.tongues import in_english, plain_letters

RESERVED: Final = "LicenseRef-contents-reserved"
"""The authors keep their rights: "© original authors", "all rights reserved"."""
PUBLIC_DOMAIN: Final = "LicenseRef-scancode-public-domain"
US_GOVERNMENT: Final = "LicenseRef-scancode-us-govt-public-domain"
DBCL: Final = "LicenseRef-scancode-dbcl-1.0"
PROPRIETARY: Final = "LicenseRef-Proprietary"
FAMILY: Final = "LicenseRef-family-"

NOT_SAID: Final = frozenset(
    {"", "other", "unknown", "none", "noassertion", "no", "unspecified", "not specified", "various", "mixed", "n a", "na",
     "null", "custom", "missing", "see description", "other specified in description", "other see description", "no license",
     "other open", "other closed", "other non commercial", "not provided", "license not specified", "notspecified", "tbd",
     "see linked dataset", "please specify", "more information needed"}
)  # fmt: skip
"""Words that stand where a license should and name none (folded)."""

# identifier | name | name …
_NAMES: Final = """
PDDL-1.0 | PDDL | ODC PDDL | ODC-PDDL-1.0 | Public Domain Dedication and License
  | ODC Public Domain Dedication and Licence (PDDL) | Open Data Commons Public Domain Dedication and License
  | Open Data Commons PDDL | Open Data Commons Public Domain Dedication and Licence 1.0
ODC-By-1.0 | ODC-BY | ODC BY 1.0 | ODC Attribution License (ODC-By) | Open Data Commons Attribution License
  | Open Data Commons Attribution License v1.0 | ODC Attribution | Open Data Commons By
ODbL-1.0 | ODbL | ODC-ODbL | ODC ODbL 1.0 | Open Database License | Open Database License 1.0
  | Open Data Commons Open Database License | Open Data Commons Open Database License (ODbL) v1.0
  | Open Database License (ODbL) v1.0 | Open Database License (ODbL)
LicenseRef-scancode-dbcl-1.0 | DbCL | DbCL-1.0 | ODC-DbCL | Database Contents License | Database Contents License 1.0
  | Database Contents License (DbCL) v1.0
  | Open Data Commons Database Contents
CDLA-Permissive-1.0 | Community Data License Agreement Permissive 1.0
  | Community Data License Agreement - Permissive - Version 1.0 | CDLA Permissive 1.0 | CDLA Permissive v1
CDLA-Permissive-2.0 | Community Data License Agreement Permissive 2.0
  | Community Data License Agreement - Permissive - Version 2.0 | CDLA Permissive 2.0 | CDLA Permissive v2
CDLA-Sharing-1.0 | Community Data License Agreement Sharing 1.0
  | Community Data License Agreement - Sharing - Version 1.0 | CDLA Sharing | CDLA Sharing 1.0
  | Community Data License Agreement Sharing
LicenseRef-family-cdla-permissive | CDLA Permissive | Community Data License Agreement Permissive
C-UDA-1.0 | C-UDA | CUDA 1.0 data | Computational Use of Data Agreement | Computational Use of Data Agreement v1.0
O-UDA-1.0 | O-UDA | Open Use of Data Agreement | Open Use of Data Agreement v1.0
MIT | MIT License | MIT Licence (MIT) | Expat | Expat License | The MIT License (MIT) | MIT style license as Expat
  | X11 MIT Expat | MIT/X11 | X11/MIT
MIT-0 | MIT No Attribution | MIT Zero
ISC | ISC License | Internet Systems Consortium License
0BSD | Zero-Clause BSD | BSD Zero Clause License | Free Public License 1.0.0
Apache-2.0 | Apache 2.0 | Apache 2 | Apache License 2.0 | Apache License Version 2.0 | Apache Software License 2.0
  | ASL 2.0 | Apache v2 | Apache2 | Apache2.0 | Apache 2.0 License | ALv2
Apache-2.0 WITH LLVM-exception | Apache 2.0 with LLVM exception | Apache 2.0 with LLVM exceptions
Apache-1.1 | Apache 1.1 | Apache Software License 1.1
LicenseRef-family-apache | Apache | Apache License | Apache Software License
BSD-2-Clause | BSD 2-Clause | BSD 2 Clause "Simplified" License | Simplified BSD | FreeBSD License | 2-clause BSD
  | BSD-2 | New BSD 2
BSD-3-Clause | BSD 3-Clause | BSD 3-Clause "New" or "Revised" License | New BSD | Modified BSD | Revised BSD
  | 3-clause BSD | BSD-3 | BSD 3 Clause New | BSD 3 Clause Revised
BSD-3-Clause-Clear | BSD 3-clause Clear license | Clear BSD | BSD Clear
BSD-4-Clause | BSD 4-Clause | Original BSD | 4-clause BSD
LicenseRef-family-bsd | BSD | BSD license | BSD style | BSD license family
GPL-2.0-only | GPL 2 | GPL 2.0 | GPLv2 | GNU GPL 2 | GNU GPL v2.0 | GNU General Public License v2.0
  | GNU General Public License 2 | General Public License 2.0 | GNU GPLv2 | GPL 2.0 only
GPL-2.0-only WITH Classpath-exception-2.0 | GPL-2.0-with-classpath-exception | GPL 2 with the Classpath Exception
  | GNU GPL 2 with Classpath exception | GNU General Public License 2 with Classpath Exception
GPL-2.0-or-later | GPLv2+ | GPL 2.0+ | GNU General Public License v2.0 or later | GPL 2 or later | GNU GPL v2 or later
GPL-3.0-only | GPL 3 | GPL 3.0 | GPLv3 | GNU GPL 3 | GNU GPL v3.0 | GNU General Public License v3.0
  | GNU General Public License 3 | General Public License 3.0 | GNU GPLv3 | GPL 3.0 only
GPL-3.0-or-later | GPLv3+ | GPL 3.0+ | GNU General Public License v3.0 or later | GPL 3 or later | GNU GPL v3 or later
LicenseRef-family-gpl | GPL | GNU GPL | GNU General Public License | General Public License
  | GNU General Public License family
LGPL-2.0-only | GNU Library General Public License 2.0 | LGPL 2.0 | Library General Public License 2.0
LGPL-2.1-only | LGPL 2.1 | LGPLv2.1 | GNU LGPL 2.1 | GNU Lesser General Public License v2.1
  | Lesser General Public License 2.1
LGPL-2.1-or-later | LGPL 2.1+ | LGPLv2.1+ | GNU Lesser General Public License v2.1 or later
LGPL-3.0-only | LGPL 3 | LGPL 3.0 | LGPLv3 | GNU LGPL 3 | GNU LGPL 3.0 | GNU Lesser General Public License v3.0
  | GNU Lesser General Public License 3 | Lesser General Public License 3.0
LGPL-3.0-or-later | LGPL 3.0+ | LGPLv3+ | GNU Lesser General Public License v3.0 or later
LicenseRef-family-lgpl | LGPL | GNU LGPL | GNU Lesser General Public License | GNU Lesser General Public License family
  | Lesser General Public License
LGPLLR | LGPL-LR | Lesser General Public License For Linguistic Resources | LGPL for Linguistic Resources
AGPL-3.0-only | AGPL 3 | AGPL 3.0 | AGPLv3 | GNU AGPL 3.0 | GNU Affero General Public License v3.0
  | GNU Affero General Public License 3 | Affero General Public License 3.0
AGPL-3.0-or-later | AGPLv3+ | GNU Affero General Public License v3.0 or later
LicenseRef-family-agpl | AGPL | GNU AGPL | GNU Affero General Public License
GFDL-1.3-only | GFDL 1.3 | FDL 1.3 | GNU FDL 1.3 | GNU Free Documentation License 1.3
  | GNU Free Documentation License v1.3
GFDL-1.2-only | GFDL 1.2 | FDL 1.2 | GNU Free Documentation License 1.2
GFDL-1.2-or-later | GFDL 1.2 or later | GNU Free Documentation License 1.2 or later | GNU FDL 1.2+
LicenseRef-family-gfdl | GFDL | FDL | GNU FDL | GNU Free Documentation License | GNU Free Documentation License family
MPL-2.0 | MPL 2 | MPL 2.0 | Mozilla Public License 2.0 | Mozilla Public License v2
LicenseRef-family-mpl | MPL | Mozilla Public License
EPL-1.0 | EPL 1.0 | Eclipse Public License 1.0
EPL-2.0 | EPL 2.0 | Eclipse Public License 2.0
EUPL-1.1 | EUPL 1.1 | European Union Public License 1.1 | European Union Public Licence v1.1
LicenseRef-family-eupl | EUPL | European Union Public License
LicenseRef-family-epl | EPL | Eclipse Public License
LicenseRef-family-artistic | Artistic License | Artistic
LicenseRef-family-etalab | Licence Ouverte | Etalab | Etalab Open License | Licence Ouverte / Open Licence
  | Etalab Licence Ouverte | Licence Ouverte Etalab
LicenseRef-family-dl-de | Datenlizenz Deutschland | dl-de
EUPL-1.2 | EUPL 1.2 | European Union Public License 1.2 | European Union Public Licence v1.2
CECILL-2.1 | CeCILL 2.1 | CeCILL Free Software License Agreement 2.1
MulanPSL-2.0 | Mulan PSL 2 | MulanPSL 2 | Mulan Permissive Software License 2
AFL-3.0 | Academic Free License v3.0 | AFL 3.0 | Academic Free License 3
Artistic-2.0 | Artistic license 2.0 | Artistic 2
BSL-1.0 | Boost Software License 1.0 | Boost Software License
ECL-2.0 | Educational Community License v2.0 | ECL 2.0
OSL-3.0 | Open Software License 3.0 | OSL 3.0
LPPL-1.3c | LaTeX Project Public License v1.3c | LPPL 1.3c
MS-PL | Microsoft Public License | Ms-PL
NCSA | University of Illinois/NCSA Open Source License | NCSA Open Source License | NCSA
OFL-1.1 | SIL Open Font License 1.1 | SIL OFL 1.1
LicenseRef-family-ofl | SIL Open Font License | OFL | SIL OFL
PostgreSQL | PostgreSQL License
Zlib | zlib | zLib License | zlib/libpng License
WTFPL | Do What The F*ck You Want To Public License | Do What The Fuck You Want To Public License | WTFPL 2 | WTFPL
Unlicense | The Unlicense | Unlicense (Public Domain) | unlicense.org
etalab-2.0 | Etalab Open License 2.0 | Etalab 2.0 | Licence Ouverte 2.0 | Licence Ouverte / Open Licence version 2.0
  | Open Licence 2.0 Etalab
OGL-UK-3.0 | OGL 3.0 | Open Government Licence v3.0 | OGL 3.0 UK | UK Open Government Licence v3.0 | OGL UK 3
OGL-UK-2.0 | OGL UK 2 | UK Open Government Licence v2.0 | Open Government Licence v2.0
OGL-UK-1.0 | OGL UK 1 | UK Open Government Licence v1.0
OGL-Canada-2.0 | Open Government Licence Canada 2.0 | OGL Canada 2 | Open Government Licence - Canada
LicenseRef-family-ogl | OGL | Open Government Licence | UK OGL
NLOD-2.0 | Norwegian Licence for Open Government Data 2.0 | NLOD 2.0
NLOD-1.0 | Norwegian Licence for Open Government Data 1.0 | NLOD 1.0
LicenseRef-NOODL-1.0 | NOODL-1.0 | NOODL | Nwulite Obodo Open Data License | Nwulite Obodo Open Data Licence 1.0
OPUBL-1.0 | Open Publication License v1.0 | OPUBL 1.0
DL-DE-BY-2.0 | Data licence Germany attribution 2.0 | Datenlizenz Deutschland Namensnennung 2.0 | dl-de/by-2-0
  | dl-de-by-2.0
DL-DE-ZERO-2.0 | Data licence Germany Zero 2.0 | Datenlizenz Deutschland Zero 2.0 | dl-de/zero-2-0
CC-PDM-1.0 | Public Domain Mark | Public Domain Mark 1.0 | CC PDM | CC PDM 1.0 | Creative Commons Public Domain Mark 1.0
  | PDM 1.0 | Public Domain Mark 1.0 Universal
CC-PDDC | Creative Commons Public Domain Dedication and Certification | CC PDDC
  | Public Domain Dedication and Certification
CC0-1.0 | CC0 | CC 0 | CC-0 | CC Zero | CC0 1 | CC0 1.0 | CC 0 1.0 | CC0: Public Domain | CC0 Public Domain
  | CC0 Public Domain Dedication | CC0 1.0 Universal | CC0 1.0 Universal (CC0 1.0) Public Domain Dedication
  | Creative Commons Zero | Creative Commons 0 | Creative Commons Zero v1.0 Universal
  | Creative Commons CC0 1.0 Universal | Creative Commons Zero 1.0 | Creative Commons CC0 | Creative Commons CC0 1.0
  | Creative Commons CC0 1.0 Universal Public Domain Dedication | CC Zero 1.0 | Creative Commons 0 1.0
  | Creative Commons CC Zero | Creative Commons CC0 Public Domain Dedication
  | Creative Commons Public Domain Dedication CC0 | Creative Commons Zero CC0
  | Creative Commons Zero (CC0) 1.0 Universal | Creative Commons CCZero | CCZero | CC0 (Public Domain)
  | Creative Commons Zero 1.0 Universal (CC0 1.0)
LicenseRef-scancode-public-domain | Public Domain | PD | In the public domain | This work is in the public domain
  | Public domain work
LicenseRef-scancode-us-govt-public-domain | US Government Works | U.S. Government Works | US-Government-Works
  | United States Government Work | US Government Work | Public domain US government
LicenseRef-contents-reserved | In Copyright | InC | copyright-authors | Data files © Original Authors | All rights reserved
  | © Original Authors | Copyright original authors | Contents © Original Authors | © All rights reserved | Copyrighted
  | copyright reserved
ODbL-1.0 AND LicenseRef-contents-reserved | Database: Open Database, Contents: © Original Authors
ODbL-1.0 AND LicenseRef-scancode-dbcl-1.0 | Database: Open Database, Contents: Database Contents
LicenseRef-EU-ODP-Legal-Notice | EU-ODP-Legal-Notice | EU ODP Legal Notice | EU Open Data Portal Legal Notice
LicenseRef-World-Bank-Terms | World Bank Dataset Terms of Use
LicenseRef-Reddit-API-Terms | Reddit API Terms
LicenseRef-Kaggle-Competition-Rules | Subject to Competition Rules | competition rules
LicenseRef-family-cc | CC | Creative Commons | Creative Commons license | Creative Commons license family | CC license
LicenseRef-scancode-cc-sampling-plus-1.0 | Sampling+ | Sampling Plus | CC Sampling+ | CC Sampling Plus 1.0
  | Creative Commons Sampling Plus 1.0 | Creative Commons Sampling+ | Sampling+ 1.0 | CC Sampling+ 1.0
  | LicenseRef-CC-Sampling-Plus-1.0
LicenseRef-scancode-cc-nc-sampling-plus-1.0 | NC-Sampling+ | Noncommercial Sampling Plus | CC NC-Sampling+ 1.0
  | NC Sampling Plus 1.0
LicenseRef-family-openrail | openrail | OpenRAIL license family | Open RAIL
LicenseRef-OpenRAIL-pp-M | openrail++ | Open Rail++-M License
LicenseRef-scancode-bigscience-open-rail-m | bigscience-openrail-m | BigScience OpenRAIL-M
LicenseRef-scancode-bigscience-rail-1.0 | bigscience-bloom-rail-1.0 | BigScience BLOOM RAIL 1.0
LicenseRef-scancode-bigcode-open-rail-m-v1 | bigcode-openrail-m | BigCode Open RAIL-M v1
LicenseRef-CreativeML-OpenRAIL-M | creativeml-openrail-m | CreativeML OpenRAIL-M | CreativeML Open RAIL-M
LicenseRef-scancode-llama-license-2023 | llama license | LLaMA License
LicenseRef-scancode-llama-2-license-2023 | llama2 | Llama 2 | Llama 2 License | Llama 2 Community License Agreement
  | Llama 2 Community License
LicenseRef-Llama-3 | llama3 | Llama 3 | Llama 3 License | Llama 3 Community License Agreement | Meta Llama 3 Community License
LicenseRef-scancode-llama-3.1-license-2024 | llama3.1 | Llama 3.1 | Llama 3.1 License | Llama 3.1 Community License Agreement
LicenseRef-scancode-llama-3.2-license-2024 | llama3.2 | Llama 3.2 | Llama 3.2 License | Llama 3.2 Community License Agreement
LicenseRef-scancode-llama-3.3-license-2024 | llama3.3 | Llama 3.3 | Llama 3.3 License | Llama 3.3 Community License Agreement
LicenseRef-scancode-llama-4-license-2025 | llama4 | Llama 4 | Llama 4 License | Llama 4 Community License Agreement
LicenseRef-Gemma | gemma | Gemma Terms of Use | Gemma license
LicenseRef-Grok-2 | grok2-community | Grok 2 Community License Agreement
LicenseRef-OpenAI-Terms | OpenAI | OpenAI Terms of Use | OpenAI terms
LicenseRef-AI2-ImpACT | AI2 ImpACT License - Low Risk | AI2 ImpACT License | ImpACT Low Risk
LicenseRef-Apple-Sample-Code | apple-ascl | Apple Sample Code license
LicenseRef-Apple-AMLR | apple-amlr | Apple Model License for Research
LicenseRef-H-Research | h-research | H Research License
LicenseRef-Intel-Research | intel-research | Intel Research Use License Agreement
LicenseRef-DeepFloyd-IF | deepfloyd-if-license | DeepFloyd IF Research License Agreement
LicenseRef-FAIR-Noncommercial-Research | fair-noncommercial-research-license | FAIR Noncommercial Research License
LicenseRef-research-only | Academic Research Purposes Only | Research only | For research purposes only
  | Academic use only | Research use only | Non-commercial research only | Non-commercial research purposes only
  | For academic research use only | Academic research only
LicenseRef-non-commercial | Non Commercial | Non-commercial use only | For non-commercial use only | Noncommercial
LicenseRef-Microsoft-Data-License | Microsoft Data Licensing Agreement | Microsoft Research Data License Agreement
LicenseRef-ImageNet | ImageNet terms of access | ImageNet license
LicenseRef-CommonCrawl-ToU | Common Crawl Terms of Use | Common Crawl ToU
LicenseRef-YouTube | YouTube terms of service | Standard YouTube License
LicenseRef-Proprietary | Proprietary | Proprietary license | Commercial license
LicenseRef-scancode-openmdw-1.0 | openmdw-1.0 | Open Model, Data & Weights License Agreement | OpenMDW 1.0
LicenseRef-OpenMDW-1.1 | openmdw-1.1 | Open Model, Data & Weights License Agreement v1.1
LicenseRef-scancode-unsplash | Unsplash License | Unsplash
LicenseRef-scancode-pixabay-content | Pixabay License | Pixabay Content License
"""

# Codes that mean something else in one hub than the same words mean elsewhere.
_HUB_CODES: Final[Mapping[str, Mapping[str, str]]] = {
    # Kaggle's code promises the database alone; the contents stay with their authors.
    "kaggle": {"ODbL-1.0": f"ODbL-1.0 AND {RESERVED}", "DbCL-1.0": f"ODbL-1.0 AND {DBCL}"},
    # The Hub speaks of families, but one version of each of these exists.
    "huggingface": {"odc-by": "ODC-By-1.0", "odbl": "ODbL-1.0", "pddl": "PDDL-1.0", "c-uda": "C-UDA-1.0"},
}

_DROPPED: Final = re.compile(r"\b(?:the|a|an|license|licence|licenses|licences)\b")
_LEAD: Final = re.compile(
    r"^(?:(?:this|all|these|our)\b[^.;:]{0,40}?\b(?:is|are)\s+)?"
    r"(?:(?:made\s+)?(?:licensed|licenced|released|distributed|available|published|provided|dedicated|shared)\s+"
    r"(?:under|with|to|by|as|in)|under)\s+(?:terms\s+of\s+)?|^spdx\s+identifier\s+"
)


@lru_cache(maxsize=10_000)
def spelled(text: str) -> str:
    """Return text as plain English words in lower case, versions as "2.0", names of licenses in other languages translated."""
    text = re.sub(r"©|\([cC]\)", " copyright ", unicodedata.normalize("NFKC", text))
    text = in_english(plain_letters(text))
    text = re.sub(r"\b(?:version|ver)\b\.?\s*(?=\d)", " ", text)
    text = re.sub(r"(?<![a-z])v\.?\s*(?=\d)|(?<=[a-z])v(?=\d)", " ", text)
    text = re.sub(r"\b([al]?gpl)(?=\d)", r"\1 ", text)
    text = re.sub(r">=\s*(\d+(?:\.\d+)?)", r"\1 or later ", text)  # R packages: "GPL (>= 2)"
    text = re.sub(r"(?<=[a-z][-_])(\d)[-_](\d)(?![\w.-])", r"\1.\2", text)  # "cc-by-4-0"
    text = re.sub(r"[^\w.+]+|_+", " ", text)
    text = re.sub(r"\.(?!\d)|(?<!\d)\.", " ", text)
    text = re.sub(r"(?<![\d.a-z])(\d)(?![\d.a-z])", r"\1.0", text)
    text = re.sub(r"(?<=\d)\+(?!\w)", " or later ", text)  # "GNU GPL 3+"
    return " ".join(text.split())


def fold(text: str) -> str:
    """Return a name in the form in which names are compared: as `spelled`, without articles and the word "license"."""
    return " ".join(_DROPPED.sub(" ", spelled(text)).split())


def dropped() -> frozenset[str]:
    """Return the words that do not count in a name: articles and "license"."""
    return frozenset({"the", "a", "an", "license", "licence", "licenses", "licences"})


def without_lead(folded: str) -> str:
    """Return a folded name without an introduction such as "this work is licensed under"."""
    return _LEAD.sub("", folded, count=1).strip()


@cache
def names() -> Mapping[str, str]:
    """Return our own table: folded name → identifier or expression."""
    rows = re.sub(r"\n\s+\|", " |", _NAMES.strip()).splitlines()
    table: dict[str, str] = {}
    for row in rows:
        identifier, *written = (cell.strip() for cell in row.split(" | "))
        version = re.search(r"-(\d\.\d)$", identifier)
        for name in written:
            table[fold(name)] = identifier
            # "ODbL v1.0": where a name without a number means one version, the number may stand there too.
            if version and not re.search(r"\d", name) and " " not in identifier:
                table.setdefault(f"{fold(name)} {version[1]}", identifier)
    return table


@cache
def hub_codes(vocabulary: str) -> Mapping[str, str]:
    """Return the codes of one hub that mean something else there: folded code → expression."""
    return {fold(code): expression for code, expression in _HUB_CODES.get(vocabulary, {}).items()}
