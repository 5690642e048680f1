"""What the downloader keeps, limits and refuses: kills, disks, ceilings, credentials, the user's own files."""

from __future__ import annotations

import errno
import gc
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xxhash

from acquisition.blobs import BlobStore
from acquisition.demo.faults import Fault
from acquisition.demo.servers import World
from acquisition.errors import WorkspaceDamaged
from acquisition.fetch import Arrived, Downloader, Failed, Transfer
from acquisition.fetch.part import FLUSH
from acquisition.journal import Journal, PartRecord, SegmentRecord
from acquisition.model import Asset, Blob, Digest, Location
from acquisition.network import AddressGuard
from acquisition.protocols import Silent
from acquisition.workspace import Workspace
from tests.flow.fetching import FAST, LOOPBACK, MIB, Kit, kit, noise, sha256

pytestmark = pytest.mark.flow


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Kit]:
    """A fresh workspace and a fresh world."""
    with kit(tmp_path) as made:
        yield made


def _child(root: str, url: str, size: int) -> None:
    """Fetch one file until somebody kills this process."""
    workspace = Workspace(Path(root))
    with Journal(workspace.journal) as journal:
        limits = replace(FAST, stall_timeout=60.0, ranges_from=8 * MIB, ranges=3)
        downloader = Downloader(blobs=BlobStore(workspace), journal=journal, reporter=Silent(), user_agent="t", limits=limits)
        wish = Transfer("garden", "r1", Asset("lake.bin", url=url, size=size), lambda: Location(url), LOOPBACK)
        list(downloader.run([wish]))


@pytest.mark.parametrize("size", [6 * MIB + 3, 40 * MIB + 3])
def test_a_killed_process_loses_only_what_was_not_flushed(here: Kit, size: int) -> None:
    """After kill -9 in mid-transfer the next run asks for at most one unflushed portion per connection again."""
    data = noise(size, seed=9)
    url = here.world.storage.put("lake.bin", data)
    slow = here.world.faults.add(Fault("drip", at=200_000, seconds=0.01, times=None))
    code = f"from tests.flow.test_fetch_state import _child; _child({str(here.workspace.root)!r}, {url!r}, {size})"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _on_disk(here) < 3 * MIB:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = sum(segment.reached - segment.start for segment in _part(here).segments)
    connections = 3 if size > 8 * MIB else 1
    assert kept > 0
    assert _on_disk(here) - kept <= connections * FLUSH + 65_536
    assert here.world.faults.hits(slow) >= 1
    here.world.faults.clear()
    wish = here.transfer("lake.bin", url, size=size, digests=(sha256(data),))
    result = here.arrived(wish, limits=replace(FAST, ranges_from=8 * MIB, ranges=3))
    assert here.content(result) == data
    assert result.downloaded == size - kept


def _part(here: Kit) -> PartRecord:
    (key,) = here.journal.part_keys()
    record = here.journal.part(key)
    assert record is not None
    return record


def _on_disk(here: Kit) -> int:
    """Return how many bytes part files occupy."""
    return (
        sum(path.stat().st_blocks * 512 for path in here.workspace.partial.glob("*")) if here.workspace.partial.exists() else 0
    )


def test_a_part_that_is_complete_needs_416_at_most(here: Kit) -> None:
    """A part whose end was never seen is asked for its rest, and 416 says that there is none."""
    data = noise(2 * MIB)
    url = here.world.storage.put("pond.bin", data)
    here.world.faults.add(Fault("cut", at=MIB))
    here.world.faults.add(Fault("status", style="503", times=6))
    wish = here.transfer("pond.bin", url)
    here.failed(wish)
    record = _part(here)
    (here.workspace.partial / record.key).write_bytes(data)
    full = SegmentRecord(0, len(data), None, xxhash.xxh3_64(data).hexdigest())
    here.journal.save_parts([replace(record, size=None, segments=(full,))])
    result = here.arrived(wish)
    assert (here.content(result), result.downloaded, here.world.log[-1].status) == (data, 0, 416)


def test_orphaned_parts_are_swept(here: Kit) -> None:
    """Part files that no journal row knows, and rows without a file, are gone after the next run."""
    here.workspace.partial.mkdir()
    (here.workspace.partial / "orphan").write_bytes(b"x")
    here.journal.save_parts([PartRecord("ghost", "s", "r", "p", "", "", 1, (SegmentRecord(0, 1, 1, "00"),))])
    assert here.fetch() == []
    assert here.leftovers() == []
    assert here.journal.part_keys() == frozenset()


def test_a_full_disk_is_seen_before_and_while_writing(here: Kit) -> None:
    """A file that does not fit is not begun; one of unknown size stops at the reserve, and what came is kept."""
    data = noise(6 * MIB)
    url = here.world.storage.put("pond.bin", data)
    limits = replace(FAST, disk_reserve=10 * MIB)
    error = here.failed(here.transfer("pond.bin", url, size=len(data)), limits=limits, free=lambda _: 12 * MIB)
    assert (error.code, here.world.log) == ("disk-full", [])
    chunked = here.world.storage.put("brook.bin", data, framing="chunked")
    wish = here.transfer("brook.bin", chunked)
    assert here.failed(wish, limits=limits, free=lambda _: 14 * MIB).code == "disk-full"
    kept = sum(segment.reached for segment in _part(here).segments)
    assert 2 * MIB <= kept <= 4 * MIB
    result = here.arrived(wish)
    assert (here.content(result), result.downloaded) == (data, len(data) - kept)


def test_a_write_that_fails_for_space_is_disk_full(here: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC from the system is the same error as our own measure, and the part stays."""
    data = noise(4 * MIB)
    url = here.world.storage.put("pond.bin", data)
    real, calls = os.pwrite, [0]

    def full(descriptor: int, block: Any, offset: int) -> int:
        calls[0] += 1
        if calls[0] > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, block, offset)

    wish = here.transfer("pond.bin", url, size=len(data))
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        assert here.failed(wish).code == "disk-full"
    result = here.arrived(wish)
    assert here.content(result) == data
    assert result.downloaded <= len(data) - 2 * MIB


def test_a_small_file_that_cannot_be_flushed_is_disk_full(here: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC while a small file is flushed fails that file; no blob appears, and only a part may stay for a later run."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    wish = here.transfer("a.txt", here.world.storage.put("a.txt", b"some data"))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        assert here.failed(wish).code == "disk-full"
    assert list(here.workspace.root.glob("blobs/*/*")) == []
    assert set(here.leftovers()) == here.journal.part_keys()
    assert here.content(here.arrived(wish)) == b"some data"


@pytest.mark.parametrize(("every", "threads"), [(1, True), (40, False)])
def test_threads_store_small_files_only_where_the_disk_is_slow(
    here: Kit, monkeypatch: pytest.MonkeyPatch, every: int, threads: bool
) -> None:
    """When every file takes long the disk is slow and threads share the waiting; now and then is no sign of that."""
    files = {f"n{index:03d}.txt": f"file {index}".encode() for index in range(400)}
    wishes = [here.transfer(name, here.world.storage.put(name, data), size=len(data)) for name, data in files.items()]
    real, stored, names = here.blobs.put, [0], set[str]()

    def put(temporary: str, data: bytes, digest: str, *, absent: bool = False) -> Blob:
        stored[0] += 1
        if stored[0] % every == 0:
            time.sleep(0.002)
        names.add(threading.current_thread().name)
        return real(temporary, data, digest, absent=absent)

    monkeypatch.setattr(here.blobs, "put", put)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    results = here.fetch(*wishes)
    assert [here.content(result) for result in results if isinstance(result, Arrived)] == list(files.values())
    assert any(name.startswith("fetch-hash") for name in names) is threads


def test_the_garbage_collector_is_left_as_it_was(here: Kit) -> None:
    """A run lets it look less often, and gives its thresholds back even when the caller stops listening early."""
    before = gc.get_threshold()
    wishes = [here.transfer(name, here.world.storage.put(name, name.encode())) for name in ("a.txt", "b.txt")]
    running = here.downloader().run(iter(wishes))
    next(running)
    assert gc.get_threshold()[0] >= before[0]
    running.close()
    assert gc.get_threshold() == before


def test_ceilings_hold(here: Kit) -> None:
    """limits.bytes and a source's own ceiling refuse what would go beyond, before and during a transfer."""
    data = noise(2 * MIB)
    sized = here.transfer("a.bin", here.world.storage.put("a.bin", data), size=len(data))
    unsized = here.transfer("b.bin", here.world.storage.put("b.bin", data, framing="chunked"))
    limits = replace(FAST, total_bytes=3 * MIB)
    first, second = here.fetch(sized, unsized, limits=limits)
    assert isinstance(first, Arrived)
    assert isinstance(second, Failed)
    assert second.error.code == "limit-reached"
    own = replace(here.transfer("c.bin", sized.asset.url, size=len(data)), max_bytes=MIB)
    assert here.failed(own).code == "limit-reached"


def test_bandwidth_is_kept(here: Kit) -> None:
    """Two files together do not come faster than the limit."""
    urls = [here.world.storage.put(f"{name}.bin", noise(MIB)) for name in "ab"]
    began = time.monotonic()
    results = here.fetch(*(here.transfer(url[-5:], url) for url in urls), limits=replace(FAST, bandwidth=2 * MIB))
    assert all(isinstance(result, Arrived) for result in results)
    assert 0.6 <= time.monotonic() - began <= 5.0


def test_a_source_with_its_own_bandwidth_gets_one_connection(here: Kit) -> None:
    """Its files come one after the other at its rate, and other sources are not slowed."""
    urls = [here.world.storage.put(f"{name}.bin", noise(300_000)) for name in "abc"]
    slow = [replace(here.transfer(url[-5:], url), bandwidth=1_000_000) for url in urls]
    fast = replace(here.transfer("fast.bin", here.world.storage.put("fast.bin", noise(1000))), source="other")
    began = time.monotonic()
    results = list(here.downloader().run([*slow, fast]))
    assert all(isinstance(result, Arrived) for result in results)
    assert time.monotonic() - began >= 0.4
    assert [result.transfer.asset.path for result in results][-1] == "c.bin"


def test_credentials_stay_with_their_origin(here: Kit) -> None:
    """A token goes to the hub and not to the storage that the hub redirects to; the server's words never carry it on."""
    url = here.world.storage.put("pond.bin", b"data")
    with World() as other:
        other.storage.put("pond.bin", b"data")
        start = other.storage.url("pond.bin")
        other.faults.add(Fault("redirect-private", style=url, times=None))
        here.arrived(here.transfer("pond.bin", start, headers={"Authorization": "Bearer secret"}))
        assert other.requests("storage")[0].headers["authorization"] == "Bearer secret"
    assert "authorization" not in here.world.requests("storage")[0].headers


def test_credentials_are_kept_inside_their_origin(here: Kit) -> None:
    """A redirect inside the same origin keeps the token."""
    url = here.world.storage.put("pond.bin", b"data")
    start = here.world.storage.put("start.bin", b"")
    here.world.faults.add(Fault("redirect-private", match="start.bin", style=url, times=None))
    here.arrived(here.transfer("pond.bin", start, headers={"Authorization": "Bearer secret"}))
    assert [r.headers.get("authorization") for r in here.world.requests("storage")] == ["Bearer secret"] * 2


def test_what_is_said_of_us_and_asked_for(here: Kit) -> None:
    """Every request carries the user agent and asks for the bytes as they are."""
    here.arrived(here.transfer("pond.bin", here.world.storage.put("pond.bin", b"data")))
    headers = here.world.log[0].headers
    assert (headers["user-agent"], headers["accept-encoding"]) == ("acquisition/test", "identity")


def test_equal_content_is_not_fetched_twice(here: Kit) -> None:
    """A published sha256 that is already in the blob store needs no request, whatever its source."""
    data = noise(1000)
    here.arrived(here.transfer("a.bin", here.world.storage.put("a.bin", data)))
    asked = len(here.world.log)
    result = here.arrived(here.transfer("b.bin", here.world.storage.url("b.bin"), size=1000, digests=(sha256(data),)))
    assert (here.content(result), result.downloaded, len(here.world.log)) == (data, 0, asked)


def test_a_release_that_names_another_digest_is_fetched_again(here: Kit) -> None:
    """A journal row is reused only while the publisher's digest and size are the ones that were seen."""
    old, new = noise(1000), noise(1000, seed=2)
    url = here.world.storage.put("a.bin", old)
    here.arrived(here.transfer("a.bin", url))
    here.world.storage.put("a.bin", new)
    assert here.content(here.arrived(here.transfer("a.bin", url))) == old
    wish = here.transfer("a.bin", url, digests=(Digest("md5", hashlib.md5(new).hexdigest()),))
    assert here.content(here.arrived(wish)) == new


def test_the_same_asset_twice_in_one_run_is_written_once(here: Kit) -> None:
    """Two wishes for one asset never write one part file together; the second is answered from the first."""
    data = noise(2 * MIB)
    wish = here.transfer("a.bin", here.world.storage.put("a.bin", data))
    results = list(here.downloader().run([wish, wish]))
    assert [type(result) for result in results] == [Arrived, Arrived]
    assert len(here.world.log) == 1


def test_files_of_the_users_own_stay_where_they_are(here: Kit, tmp_path: Path) -> None:
    """A local file is hashed in place once, and a change since the plan is an error."""
    path = tmp_path / "kick.wav"
    path.write_bytes(b"RIFF data")
    wish = here.transfer("kick.wav", "", size=9, digests=(sha256(b"RIFF data"),), local_path=str(path))
    result = here.arrived(wish)
    assert (result.blob.path, result.downloaded, result.blob.sha256) == (str(path), 0, sha256(b"RIFF data").value)
    assert list(here.workspace.root.glob("blobs/*/*")) == []
    found = path.stat()
    assert here.journal.local_digests(str(path), 9, found.st_mtime_ns)["sha256"] == result.blob.sha256
    path.write_bytes(b"RIFF DATA")
    os.utime(path, ns=(1, 1))
    assert here.failed(wish).code == "digest-mismatch"
    path.write_bytes(b"longer than before")
    assert here.failed(wish).code == "file-changed"
    path.unlink()
    assert here.failed(wish).code == "source-not-found"
    os.mkfifo(path)
    assert here.failed(wish).code == "source-not-found"


def test_a_damaged_blob_is_found_on_demand(here: Kit) -> None:
    """`verify` reads the bytes; a blob that was tampered with is named."""
    result = here.arrived(here.transfer("a.bin", here.world.storage.put("a.bin", b"data")))
    assert here.blobs.verify(result.blob.sha256) == result.blob
    path = Path(result.blob.path)
    path.chmod(0o644)
    path.write_bytes(b"dat!")
    with pytest.raises(WorkspaceDamaged):
        here.blobs.verify(result.blob.sha256)


def test_an_adapter_that_breaks_is_named(here: Kit) -> None:
    """Any exception from `locate` becomes a plug-in error for its asset, and the others go on."""

    def broken() -> str:
        raise KeyError("url")

    good = here.transfer("a.bin", here.world.storage.put("a.bin", b"data"))
    first, second = here.fetch(here.transfer("b.bin", broken), good)
    assert isinstance(first, Failed)
    assert (first.error.code, type(second)) == ("plugin", Arrived)


def test_a_server_that_is_not_there_is_unavailable(here: Kit) -> None:
    """A refused connection is tried again and then said."""
    error = here.failed(here.transfer("a.bin", "http://127.0.0.1:9/a.bin"), limits=replace(FAST, retries=1))
    assert error.code == "source-unavailable"
    assert here.failed(here.transfer("b.bin", "ftp://127.0.0.1/x", guard=AddressGuard())).code == "address-refused"
