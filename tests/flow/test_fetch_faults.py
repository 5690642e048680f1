"""The downloader against servers that misbehave: what arrives is what was published, or the error says why not."""

from __future__ import annotations

import gzip
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acquisition.demo.faults import Fault
from acquisition.errors import Interrupted
from acquisition.fetch import Arrived
from acquisition.model import Digest
from acquisition.network import AddressGuard
from tests.flow.fetching import FAST, MIB, Kit, kit, noise, sha256

pytestmark = pytest.mark.flow
DATA = noise(3 * MIB + 17)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Kit]:
    """A fresh workspace and a fresh world."""
    with kit(tmp_path) as made:
        yield made


def test_a_plain_file_arrives_read_only_and_journalled(here: Kit) -> None:
    """A well-behaved server: right bytes under their digest, read-only, recorded, and nothing moves the second time."""
    wish = here.transfer("a/pond.bin", here.world.storage.put("pond.bin", DATA), size=len(DATA), digests=(sha256(DATA),))
    first = here.arrived(wish)
    assert (here.content(first), first.downloaded, first.blob.sha256) == (DATA, len(DATA), sha256(DATA).value)
    assert Path(first.blob.path).stat().st_mode & 0o777 == 0o444
    assert str(sha256(DATA)) in first.digests_checked
    record = here.journal.blob_of("garden", "r1", "a/pond.bin")
    assert record is not None
    assert (record.sha256, record.size, record.etag) == (first.blob.sha256, len(DATA), first.etag)
    asked = len(here.world.log)
    again = here.arrived(wish)
    assert (again.downloaded, again.blob, len(here.world.log)) == (0, first.blob, asked)
    assert here.leftovers() == []


@pytest.mark.parametrize("kind", ["cut", "reset", "stall"])
@pytest.mark.parametrize("published", [True, False])
def test_an_interrupted_body_is_continued(here: Kit, kind: Any, published: bool) -> None:
    """After a cut, a reset or silence the rest is asked for with Range and If-Range, and the whole is right."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault(kind, at=2 * MIB + 5))
    facts: dict[str, Any] = {"size": len(DATA), "digests": (sha256(DATA),)} if published else {}
    result = here.arrived(here.transfer("pond.bin", url, **facts))
    assert here.content(result) == DATA
    first, second = here.world.requests("storage")
    assert "range" not in first.headers
    start = int(second.headers["range"].removeprefix("bytes=").rstrip("-"))
    assert 0 < start <= 2 * MIB + 5
    assert second.headers["if-range"] == f'"{hashlib.md5(DATA).hexdigest()}"'
    assert result.downloaded == len(DATA)


def test_bytes_that_never_stop_being_cut_end_in_an_error_that_keeps_them(here: Kit) -> None:
    """When retries are used up without progress the asset fails as cut, and a later run continues its part."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("cut", at=2 * MIB))
    here.world.faults.add(Fault("status", style="503", times=6))
    error = here.failed(here.transfer("pond.bin", url, size=len(DATA)))
    assert error.code == "http-status"
    assert here.leftovers() != []
    before = len(here.ranges())
    result = here.arrived(here.transfer("pond.bin", url, size=len(DATA)))
    assert here.content(result) == DATA
    assert here.ranges()[before:] == [f"bytes={2 * MIB}-"]
    assert (result.downloaded, here.leftovers()) == (len(DATA) - 2 * MIB, [])


def test_a_flipped_byte_is_noticed(here: Kit) -> None:
    """One turned bit is a digest mismatch; nothing reaches the blob store and no part is kept."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("flip"))
    error = here.failed(here.transfer("pond.bin", url, size=len(DATA), digests=(sha256(DATA),)))
    assert error.code == "digest-mismatch"
    assert list(here.workspace.root.glob("blobs/*/*")) == []
    assert here.leftovers() == []


def test_a_flipped_byte_is_noticed_by_the_servers_own_digest(here: Kit) -> None:
    """Where the publisher gives nothing, x-goog-hash is compared: crc32c and md5."""
    url = here.world.storage.put("pond.bin", noise(20_000), hashes=("crc32c", "md5"))
    here.world.faults.add(Fault("flip"))
    assert here.failed(here.transfer("pond.bin", url)).code == "digest-mismatch"
    result = here.arrived(here.transfer("pond.bin", url))
    assert sorted(text.split(":")[0] for text in result.digests_checked) == ["crc32c", "md5"]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha512", "git-sha1", "crc32c"])
@pytest.mark.parametrize("size", [5000, 2 * MIB])
def test_every_published_digest_is_compared(here: Kit, algorithm: Any, size: int) -> None:
    """Each kind of digest agrees with the right bytes and refuses others, for small and for large files."""
    data = noise(size)
    if algorithm == "git-sha1":
        value = hashlib.sha1(b"blob %d\0" % size + data).hexdigest()
    elif algorithm == "crc32c":
        import google_crc32c

        value = f"{google_crc32c.value(data):08x}"
    else:
        value = hashlib.new(algorithm, data).hexdigest()
    url = here.world.storage.put("pond.bin", data, framing="chunked")
    right, wrong = Digest(algorithm, value), Digest(algorithm, value[::-1])
    assert here.failed(here.transfer("wrong.bin", url, digests=(wrong,))).code == "digest-mismatch"
    assert str(right) in here.arrived(here.transfer("right.bin", url, digests=(right,))).digests_checked


def test_a_damaged_part_is_begun_again_once(here: Kit) -> None:
    """Part bytes that changed between two runs are never trusted, even when nobody publishes a digest."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("cut", at=2 * MIB))
    here.world.faults.add(Fault("status", style="503", times=6))
    here.failed(here.transfer("pond.bin", url))
    part = here.workspace.partial / here.leftovers()[0]
    with part.open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"XXXX")
    result = here.arrived(here.transfer("pond.bin", url))
    assert (here.content(result), result.downloaded) == (DATA, len(DATA))


def test_a_resumed_file_with_the_wrong_digest_is_fetched_again_from_zero(here: Kit) -> None:
    """A part that turns out wrong at the end costs one clean restart; a second mismatch is an error."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("cut", at=MIB))
    here.world.faults.add(Fault("flip", at=2 * MIB, times=1))
    result = here.arrived(here.transfer("pond.bin", url, digests=(sha256(DATA),)))
    assert (here.content(result), here.ranges()[0], here.ranges()[-1]) == (DATA, "", "")
    assert "digest-mismatch" in here.notes.codes("transfer-retry")


@pytest.mark.parametrize("style", ["shifted", "total", "missing", "invalid"])
def test_a_wrong_content_range_never_reaches_the_file(here: Kit, style: str) -> None:
    """A 206 for another range is thrown away, and the file is fetched whole."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("cut", at=MIB + 9))
    here.world.faults.add(Fault("wrong-range", style=style))
    result = here.arrived(here.transfer("pond.bin", url))
    assert (here.content(result), here.ranges()[-1]) == (DATA, "")


def test_a_200_to_a_resume_restarts_cleanly(here: Kit) -> None:
    """The whole file in answer to a range replaces what had come instead of being appended to it."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("cut", at=MIB + 9))
    here.world.faults.add(Fault("ignore-range"))
    result = here.arrived(here.transfer("pond.bin", url))
    assert here.content(result) == DATA
    assert len(here.world.log) == 2


def test_a_file_that_changed_between_two_runs_is_fetched_anew(here: Kit) -> None:
    """If-Range makes the server send the new file whole; nothing of the old one stays in it."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("cut", at=MIB))
    here.world.faults.add(Fault("status", style="503", times=6))
    here.failed(here.transfer("pond.bin", url))
    fresh = noise(2 * MIB, seed=2)
    here.world.storage.put("pond.bin", fresh)
    assert here.content(here.arrived(here.transfer("pond.bin", url))) == fresh


@pytest.mark.parametrize("style", ["403", "400", "401", "410"])
def test_an_expired_address_is_asked_for_again(here: Kit, style: str) -> None:
    """A signed URL that expires in mid-file is replaced, the file goes on where it was, and no error body gets into it."""
    here.world.storage.put("pond.bin", DATA, private=True)
    here.world.faults.add(Fault("cut", at=MIB + 1))
    here.world.faults.add(Fault("expired", style=style))
    asked: list[str] = []

    def ask() -> str:
        asked.append(here.world.storage.signed_url("pond.bin"))
        return asked[-1]

    result = here.arrived(here.transfer("pond.bin", ask, size=len(DATA)))
    assert (here.content(result), len(asked)) == (DATA, 2)
    assert here.ranges() == ["", f"bytes={MIB + 1}-", f"bytes={MIB + 1}-"]
    assert "?" not in result.final_url


def test_addresses_that_are_never_good_are_not_asked_for_for_ever(here: Kit) -> None:
    """Asking for fresh addresses is bounded; then the server's refusal is the error, with its words."""
    here.world.storage.put("pond.bin", DATA, private=True)
    here.world.faults.add(Fault("expired", times=None))
    error = here.failed(here.transfer("pond.bin", lambda: here.world.storage.signed_url("pond.bin")))
    assert error.code in ("source-forbidden", "http-status")
    assert len(here.world.log) <= 3


@pytest.mark.parametrize(
    "style", ["retry-after", "retry-after-date", "ratelimit", "ratelimit-reset", "x-ratelimit-reset", "none"]
)
def test_a_rate_limit_is_obeyed_in_every_header_style(here: Kit, style: str) -> None:
    """429 is waited out as the server asks, for the whole host, and the file arrives."""
    url = here.world.storage.put("pond.bin", b"some data")
    here.world.faults.add(Fault("rate-limit", style=style, seconds=2.0))
    naps: list[float] = []
    moment = [0.0]

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        moment[0] += seconds

    result = here.arrived(here.transfer("pond.bin", url), sleep=sleep, clock=lambda: moment[0])
    assert here.content(result) == b"some data"
    assert here.notes.codes("transfer-retry") == ["http-status"]
    if style != "none":
        assert 0.9 <= sum(naps) <= 3.5


def test_a_server_that_asks_for_too_long_a_wait_is_left_alone(here: Kit) -> None:
    """A day's wait is not waited out here, and not cut short either: the asset fails until a later run."""
    url = here.world.storage.put("pond.bin", b"some data")
    here.world.faults.add(Fault("rate-limit", seconds=86400.0, times=None))
    assert here.failed(here.transfer("pond.bin", url)).code == "source-unavailable"
    assert len(here.world.log) == 1


@pytest.mark.parametrize("style", ["500", "502", "503", "504", "408", "425", "509"])
def test_server_errors_are_tried_again(here: Kit, style: str) -> None:
    """Statuses that mean "later" are followed by another try."""
    url = here.world.storage.put("pond.bin", b"some data")
    here.world.faults.add(Fault("status", style=style, times=2))
    assert here.content(here.arrived(here.transfer("pond.bin", url))) == b"some data"


def test_a_body_without_length_is_fetched_and_its_truncation_noticed(here: Kit) -> None:
    """Chunked framing tells a cut body from a whole one; without a validator the file is begun again."""
    url = here.world.storage.put("pond.bin", DATA, framing="chunked", ranges=False, validators=False)
    here.world.faults.add(Fault("no-length-cut", at=2 * MIB))
    assert here.content(here.arrived(here.transfer("pond.bin", url))) == DATA
    assert here.ranges() == ["", ""]


def test_a_drip_is_a_stall(here: Kit) -> None:
    """A server that keeps the connection alive with a few bytes is given up like a silent one."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("drip", at=1, seconds=0.05, times=None))
    limits = replace(FAST, retries=1)
    assert here.failed(here.transfer("pond.bin", url), limits=limits).code == "transfer-stalled"


@pytest.mark.parametrize(
    ("style", "code"), [("hub", "terms-needed"), ("kaggle", "terms-needed"), ("collective", "terms-needed")]
)
def test_a_gate_is_an_error_with_the_servers_words(here: Kit, style: str, code: str) -> None:
    """Terms that are not accepted are named as such."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("gated", style=style, times=None))
    error = here.failed(here.transfer("pond.bin", url))
    assert (error.code, error.where) == (code, url)
    assert error.hint


def test_a_login_page_is_no_data(here: Kit) -> None:
    """200 with a web page where data was promised is an error, whether or not anything was published."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("html", times=None))
    assert here.failed(here.transfer("a.bin", url)).code == "unexpected-body"
    assert here.failed(here.transfer("b.bin", url, size=len(DATA))).code == "unexpected-body"
    assert here.failed(here.transfer("c.bin", url, digests=(sha256(DATA),))).code == "unexpected-body"
    assert here.arrived(here.transfer("d.html", url)).blob.size > 0


@pytest.mark.parametrize(("style", "code"), [("200", "unexpected-body"), ("202", "http-status"), ("204", "http-status")])
def test_an_empty_answer_is_no_data(here: Kit, style: str, code: str) -> None:
    """0 bytes are a file only where the publisher says so; 202 and 204 never carry one."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("empty", style=style, times=None))
    assert here.failed(here.transfer("pond.bin", url)).code == code


def test_an_empty_file_that_is_published_as_empty_arrives(here: Kit) -> None:
    """Size 0 is a size."""
    url = here.world.storage.put("empty.txt", b"")
    assert here.content(here.arrived(here.transfer("empty.txt", url, size=0))) == b""


@pytest.mark.parametrize("published", [len(DATA) - 1, len(DATA) + 1])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_another_size_than_published_is_refused(here: Kit, published: int, framing: str) -> None:
    """Longer or shorter than was published is an error, told by the head where there is a length, else by the count."""
    url = here.world.storage.put("pond.bin", DATA, framing=framing)
    assert here.failed(here.transfer("pond.bin", url, size=published)).code == "size-mismatch"


@pytest.mark.parametrize("style", ["honest", "lie"])
def test_a_content_coding_that_nobody_asked_for_is_taken_off(here: Kit, style: str) -> None:
    """A gzip coding on the wire is undone, and one that is only claimed is not."""
    text = b"row\n" * 50_000
    url = here.world.storage.put("pond.txt", text)
    here.world.faults.add(Fault("content-encoding", style=style, times=None))
    assert here.content(here.arrived(here.transfer("a.txt", url))) == text
    assert here.content(here.arrived(here.transfer("b.txt", url, size=len(text), digests=(sha256(text),)))) == text


def test_redirects_are_bounded_and_checked(here: Kit) -> None:
    """A loop ends, and a redirect to an address that is not public is refused before it is contacted."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("redirect-loop", match="loop.bin", times=None))
    here.world.storage.put("loop.bin", DATA)
    assert here.failed(here.transfer("loop.bin", here.world.storage.url("loop.bin"))).code == "http-status"
    here.world.faults.add(Fault("redirect-private", times=None))
    assert here.failed(here.transfer("pond.bin", url)).code == "address-refused"


def test_loopback_is_refused_unless_the_declaration_names_it(here: Kit) -> None:
    """The guard is asked for the address itself and for the name that leads there."""
    url = here.world.storage.put("pond.bin", DATA)
    for address in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "2130706433")):
        assert here.failed(here.transfer("pond.bin", address, guard=AddressGuard())).code == "address-refused"
    assert here.world.log == []


class _AtConnectingOnly(AddressGuard):
    """Lets every URL pass, as one does whose name resolves to loopback, so that only the connection itself is judged."""

    def check_url(self, url: str) -> None:
        """Accept."""


def test_a_pooled_connection_is_not_lent_to_a_source_that_may_not_use_it(here: Kit) -> None:
    """A connection opened for one source's loopback is not reused for another source without that right."""
    url = here.world.storage.put("pond.bin", b"data")
    allowed = here.transfer("a.bin", url)
    refused = here.transfer("b.bin", url, guard=_AtConnectingOnly())
    first, second = here.fetch(allowed, refused, limits=replace(FAST, per_host=1))
    assert isinstance(first, Arrived)
    assert not isinstance(second, Arrived)
    assert second.error.code == "address-refused"
    assert len(here.world.log) == 1
    assert here.failed(here.transfer("c.bin", url, guard=_AtConnectingOnly())).code == "address-refused"


@pytest.mark.parametrize("packed_name", ["pond.csv.zip", "pond.csv"])
def test_a_zip_of_one_is_unpacked(here: Kit, packed_name: str) -> None:
    """A file that is delivered zipped under its own name is unpacked into the blob, and that is recorded."""
    text = b"a,b\n" + b"1,2\n" * 10_000
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pond.csv", text)
    url = here.world.storage.put(packed_name, packed.getvalue(), hashes=("md5",))
    result = here.arrived(here.transfer("folder/pond.csv", url, size=len(text), packed="zip-of-one"))
    assert (here.content(result), result.unwrapped) == (text, "zip:pond.csv")
    record = here.journal.blob_of("garden", "r1", "folder/pond.csv")
    assert record is not None
    assert (record.unwrapped, record.size) == ("zip:pond.csv", len(text))


def test_a_zip_of_one_that_attacks_is_refused(here: Kit) -> None:
    """More bytes than were published, or a member that cannot be read, never become a blob."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pond.csv", b"0" * 5 * MIB)
    url = here.world.storage.put("pond.csv.zip", packed.getvalue())
    assert here.failed(here.transfer("pond.csv", url, size=1000, packed="zip-of-one")).code == "archive-refused"
    assert here.failed(here.transfer("pond.csv", url, packed="zip-of-one")).code == "archive-refused"
    assert here.leftovers() == []


def test_a_file_that_may_be_packed_and_is_not_stays_as_it_is(here: Kit) -> None:
    """A spreadsheet is a zip too; only the one member with the asset's own name is a wrapping."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    url = here.world.storage.put("sheet.xlsx", packed.getvalue())
    result = here.arrived(here.transfer("sheet.xlsx", url, packed="zip-of-one", size=len(packed.getvalue())))
    assert (here.content(result), result.unwrapped) == (packed.getvalue(), "")


def test_a_gzip_file_that_the_server_calls_a_coding_stays_packed(here: Kit) -> None:
    """Content-Encoding on a .gz whose published digest is of the packed bytes changes nothing."""
    packed = gzip.compress(b"text " * 1000, mtime=0)
    url = here.world.storage.put("pond.txt.gz", packed, headers=(("Content-Encoding", "gzip"),))
    result = here.arrived(here.transfer("pond.txt.gz", url, digests=(sha256(packed),)))
    assert (here.content(result), result.unwrapped) == (packed, "")


def test_large_files_come_in_several_stretches(here: Kit) -> None:
    """With a strong validator and Accept-Ranges a large file is fetched by ranges that meet without a gap."""
    data = noise(40 * MIB, seed=5)
    url = here.world.storage.put("lake.bin", data)
    limits = replace(FAST, ranges_from=20 * MIB, ranges=4)
    result = here.arrived(here.transfer("lake.bin", url, size=len(data), digests=(sha256(data),)), limits=limits)
    assert hashlib.sha256(here.content(result)).digest() == hashlib.sha256(data).digest()
    assert len(here.ranges()) == 4
    assert result.downloaded == len(data)


@pytest.mark.parametrize("kind", ["cut", "reset", "wrong-range", "ignore-range", "flip"])
def test_stretches_survive_faults(here: Kit, kind: Any) -> None:
    """A stretch that goes wrong is fetched again, or the file is; what arrives is right."""
    data = noise(24 * MIB, seed=6)
    url = here.world.storage.put("lake.bin", data)
    here.world.faults.add(Fault(kind, at=(9 * MIB if kind == "flip" else MIB), times=2 if kind in ("cut", "reset") else 1))
    limits = replace(FAST, ranges_from=16 * MIB, ranges=3)
    result = here.arrived(here.transfer("lake.bin", url, digests=(sha256(data),)), limits=limits)
    assert hashlib.sha256(here.content(result)).digest() == hashlib.sha256(data).digest()


def test_stop_ends_the_run_with_everything_saved(here: Kit) -> None:
    """Setting `stop` raises Interrupted; the next run asks only for what is missing."""
    url = here.world.storage.put("pond.bin", DATA)
    here.world.faults.add(Fault("stall", at=2 * MIB))
    wish = here.transfer("pond.bin", url)

    timer = threading.Timer(0.3, here.stop.set)
    timer.start()
    with pytest.raises(Interrupted):
        list(here.downloader(replace(FAST, stall_timeout=30.0)).run([wish]))
    timer.join()
    here.stop.clear()
    result = here.arrived(wish)
    assert (here.content(result), here.ranges()) == (DATA, ["", f"bytes={2 * MIB}-"])


def test_one_run_serves_many_small_files(here: Kit) -> None:
    """Hundreds of files, some equal, one missing: each is answered once, equal content is stored once."""
    files = {f"n{index:03d}.txt": f"file {index // 2}".encode() for index in range(300)}
    wishes = [here.transfer(name, here.world.storage.put(name, data), size=len(data)) for name, data in files.items()]
    wishes.append(here.transfer("missing.txt", here.world.storage.url("missing.txt")))
    results = here.fetch(*wishes)
    assert [here.content(result) for result in results[:-1] if isinstance(result, Arrived)] == list(files.values())
    assert len(list(here.workspace.root.glob("blobs/*/*"))) == 150
    missing = results[-1]
    assert not isinstance(missing, Arrived)
    assert missing.error.code == "source-not-found"
    assert here.leftovers() == []
