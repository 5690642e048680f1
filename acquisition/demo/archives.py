"""Archives that are the same bytes every time: fixed times, owners and order."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from acquisition.demo.wire import whole

Files: TypeAlias = Mapping[str, bytes | Path]

_ZIP_TIME: Final = (2026, 1, 1, 0, 0, 0)
_TAR_TIME: Final = 1_767_225_600


def zip_bytes(files: Files) -> bytes:
    """Return a deflated zip with the files in the given order. Names are taken as they are, hostile ones too."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _ZIP_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, whole(content).read())
    return stream.getvalue()


def tar_gz_bytes(files: Files) -> bytes:
    """Return a gzipped tar with the files in the given order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            data = whole(content).read()
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), _TAR_TIME
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), mtime=0)
