"""Runs `extract` in a process of its own: a page that hangs or crashes a C library costs itself and nothing else.

The process is started when the first page comes and serves many; after a page that took too long, or killed it, a new one is
started. Messages on its pipes are a length (4 bytes, big-endian) and JSON, then for requests the page's bytes.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from typing import IO, Any, Final

from acquisition.content.limits import Unreadable
from acquisition.read.extract import MAX_BYTES, Extract, extract

SECONDS: Final = 20.0
"""Time for one page; the slowest of 200 real ones took 0.3 s."""
START_SECONDS: Final = 60.0
"""Time for the first page of a process, which imports the libraries."""
MEMORY: Final = 2_000_000_000
"""Bytes of address space."""
ORPHAN_SECONDS: Final = 60
"""A process whose parent was killed while it hangs in a page ends itself after so long."""
_LARGEST: Final = 64_000_000


class Extractor(AbstractContextManager["Extractor"]):
    """Extracts page after page; safe against each of them."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._fresh = True

    def __exit__(self, *exc_info: object) -> None:
        self._end()

    def extract(self, body: bytes, charset: str, url: str = "") -> Extract:
        """Return what a page says. Raises Unreadable: no-main-text, page-refused, extraction-failed, extraction-timeout."""
        child = self._started()
        head = json.dumps({"charset": charset, "url": url, "size": min(len(body), MAX_BYTES)}).encode()
        try:
            answer = self._asked(child, struct.pack(">I", len(head)) + head + body[:MAX_BYTES])
        except TimeoutError:
            self._end()
            raise Unreadable("extraction-timeout", f"its text was not found within {self._seconds:g} s") from None
        except (OSError, EOFError, ValueError, struct.error) as error:
            code = self._end()
            raise Unreadable(
                "extraction-failed", f"the page ends the extraction ({type(error).__name__}: {error}, {code})"
            ) from None
        if "code" in answer:
            raise Unreadable(str(answer["code"]), str(answer["detail"]))
        return Extract(**(answer | {"figcaptions": tuple(answer["figcaptions"])}))

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "acquisition.read.extractor"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the run, which lets its pages end
            )
            self._fresh = True
        return self._child

    def _asked(self, child: subprocess.Popen[bytes], message: bytes) -> dict[str, Any]:
        assert child.stdin is not None
        assert child.stdout is not None
        deadline = time.monotonic() + (max(self._seconds, START_SECONDS) if self._fresh else self._seconds)
        child.stdin.write(message)
        child.stdin.flush()
        (size,) = struct.unpack(">I", _read(child.stdout, 4, deadline))
        if size > _LARGEST:
            raise ValueError("an answer that is too long")
        found = json.loads(_read(child.stdout, size, deadline))
        self._fresh = False
        return dict(found)

    def _end(self) -> int | None:
        """End the process and return its exit code, None when there is none."""
        child, self._child = self._child, None
        if child is None:
            return None
        child.kill()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        return child.wait()


def _read(stream: IO[bytes], size: int, deadline: float) -> bytes:
    """Read so many bytes before a moment; TimeoutError or EOFError when they do not come."""
    parts = []
    with selectors.DefaultSelector() as waiting:
        waiting.register(stream, selectors.EVENT_READ)
        while size:
            if not waiting.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            part = os.read(stream.fileno(), min(size, 1 << 20))
            if not part:
                raise EOFError("it died")
            parts.append(part)
            size -= len(part)
    return b"".join(parts)


# --- the process ----------------------------------------------------------------------------------------------------------


def serve(asked: IO[bytes], told: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    while len(head := asked.read(4)) == 4:
        wanted = json.loads(asked.read(struct.unpack(">I", head)[0]))
        body = asked.read(wanted["size"])
        signal.alarm(ORPHAN_SECONDS)
        try:
            answer = asdict(extract(body, wanted["charset"], wanted["url"]))
        except Unreadable as error:
            answer = {"code": error.code, "detail": error.detail}
        except MemoryError:
            answer = {"code": "extraction-failed", "detail": f"it takes more than {MEMORY:,} bytes of memory"}
        except Exception as error:  # noqa: BLE001  # the libraries raise what they meet on hostile markup; the page is named
            answer = {"code": "extraction-failed", "detail": f"{type(error).__name__}: {error}"[:200]}
        signal.alarm(0)
        text = json.dumps(answer).encode()
        told.write(struct.pack(">I", len(text)) + text)
        told.flush()


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):  # not on Windows, or a stricter limit is set
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _limit_memory()
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever a library prints is not an answer
        serve(sys.stdin.buffer, answers)
