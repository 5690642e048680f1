"""Models that a user brings: ONNX files, loaded once per process, on one thread, and never downloaded.

A model is data: its digest is checked before a byte of it is parsed, and onnxruntime runs it without custom operators.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acquisition.errors import FilterUnavailable


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a model is declared (`filters.adult.image`), what it is called, and the extra that brings its packages."""

    where: str
    what: str
    extra: str

    def unfit(self, why: str, section: str) -> FilterUnavailable:
        """Return the error for a model that is not what its settings say."""
        return FilterUnavailable(
            f"the {self.what} is not what the settings describe: {why}",
            where=self.where,
            hint=f"docs/flags.md, section {section}, has what is expected.",
        )

    def missing(self, package: str) -> FilterUnavailable:
        """Return the error for a package that is not installed."""
        return FilterUnavailable(
            f"the {self.what} needs the package {package}",
            where=self.where,
            hint=f"Install the extra: pip install 'acquisition[{self.extra}]'.",
        )

    def read(self, path: Path, key: str) -> bytes:
        """Return a file's bytes; FilterUnavailable when it is not there."""
        try:
            return path.read_bytes()
        except OSError as error:
            raise FilterUnavailable(
                f"the {self.what} is not there: {error.strerror}",
                where=f"{self.where}.{key}: {path}",
                hint=f"Set {self.where}.{key} to your own file; paths are relative to sources.yaml and nothing is downloaded.",
            ) from error


def session(seat: Seat, path: Path, sha256: str | None, key: str) -> Any:
    """Load one ONNX model; FilterUnavailable when package or file are missing, or the file is another or cannot be loaded."""
    try:
        import onnxruntime
    except ImportError as error:
        raise seat.missing("onnxruntime") from error
    data = seat.read(path, key)
    where = f"{seat.where}.{key}: {path}"
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise FilterUnavailable(
            f"the {seat.what} has another digest: expected {sha256}, got {found}",
            where=where,
            hint="Take the file that was meant, or its new digest once you know why it changed.",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the engine runs one process per core
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors are classes of its C extension without a common base
        raise FilterUnavailable(f"the {seat.what} cannot be loaded: {str(error)[:200]}", where=where) from error


def names_of(several: Sequence[Any]) -> str:
    """Return the names of inputs or outputs, for messages."""
    return ", ".join(one.name for one in several)
