"""Files that lie beside data and are no data: documentation, licenses, checksums, and what systems leave behind."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from acquisition.protocols import ReadContext

_COMPANION: Final = re.compile(
    r"""(readme|read_me|license|licence|copying|copyright|notice|authors|contributors|changelog|changes|citation
        |attribution|attributions|md5sums?|sha1sums?|sha256sums?|checksums?)
        ([._-](md|markdown|rst|txt|html?|pdf|rtf|cff|bib|json|tsv|csv))?
      | index
      | .*\.(names|md5|sha1|sha256|sha512|asc|sig|md5sum|cff|bib|crc|lock|crdownload)
      | (dataset[_-]infos?|dataset[_-]dict|dataset-metadata|state|croissant|datapackage)\.json
      | \.(gitattributes|gitignore|gitkeep|npmignore|huggingface\.yml)""",
    re.VERBOSE | re.IGNORECASE,
)
_SYSTEM: Final = re.compile(
    r"(\.ds_store|\._.*|thumbs\.db|desktop\.ini|icon\r|\.localized|\.spotlight-v100|\.trashes|.*\.(asd|reapeaks|pek|sfk))",
    re.IGNORECASE,
)


def is_system_file(path: str) -> bool:
    """Say whether a file is an operating system's or an audio program's own ("._a.wav", "__MACOSX/", ".asd")."""
    parts = PurePosixPath(path).parts
    return "__MACOSX" in parts or (bool(parts) and bool(_SYSTEM.fullmatch(parts[-1])))


def is_companion(path: str, context: ReadContext) -> bool:
    """Say whether a file only accompanies data: by its name, when it is not alone and not itself asked for."""
    name = PurePosixPath(path).name
    if not _COMPANION.fullmatch(name) or any(
        context.files.names(asked) for asked in (path, context.asset) if asked.endswith(name)
    ):
        return False
    return bool(context.member) or any(not _COMPANION.fullmatch(PurePosixPath(other).name) for other in context.siblings)
