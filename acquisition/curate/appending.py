"""Many files that grow side by side (one for each split, modality or ending), of which few are open at a time."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Final, Self

_OPEN: Final = 64
"""Files held open. A process may have some hundred; a set may have more splits than that."""


class Appender:
    """Opens files that are not there yet and opens them again where they end; the longest unused is closed for a new one."""

    def __init__(self) -> None:
        self._open: dict[Path, IO[bytes]] = {}
        self._begun: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._open.values():
            stream.close()
        self._open.clear()

    def stream(self, target: Path) -> IO[bytes]:
        """Return the stream that `target` grows by; it is to be used before another one is asked for."""
        stream = self._open.pop(target, None) or self._opened(target)
        self._open[target] = stream
        return stream

    def finish(self, target: Path) -> None:
        """Close a file that grows no more."""
        if stream := self._open.pop(target, None):
            stream.close()

    def _opened(self, target: Path) -> IO[bytes]:
        if len(self._open) >= _OPEN:
            self.finish(next(iter(self._open)))
        mode = "ab" if target in self._begun else "xb"
        self._begun.add(target)
        return target.open(mode)
