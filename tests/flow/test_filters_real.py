"""The filters on files that nobody here wrote: floors on what they find, ceilings on what they find wrongly."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition.filters.duplicates import Duplicates, DuplicatesSettings
from acquisition.filters.pii import Pii, PiiSettings
from acquisition.filters.quality import Quality, QualitySettings
from acquisition.model import Use
from acquisition.protocols import FilterContext
from acquisition.testing.filters import items_of

pytestmark = pytest.mark.real
CONTEXT = FilterContext(Use(), {}, ("source",), "")
LABELLED = {"PHONE_NUMBER", "CREDIT_CARD", "US_SSN", "IP_ADDRESS", "IBAN_CODE", "US_DRIVER_LICENSE", "EMAIL_ADDRESS"}


@pytest.fixture(scope="module")
def pii() -> Pii:
    """The filter with its defaults."""
    return Pii(PiiSettings(), CONTEXT)


@pytest.fixture(scope="module")
def messages() -> list[str]:
    """Short messages of people (UCI 228), or a skip."""
    path = Path(__file__).parents[2].parent / "shared" / "data" / "uci" / "228_sms+spam+collection" / "SMSSpamCollection"
    if not path.is_file():
        pytest.skip("the real files (../shared/data) are not beside this checkout")
    return [line.split("\t", 1)[1] for line in path.read_text(encoding="utf-8").splitlines()]


def overlap(one: tuple[str, int, int], other: tuple[str, int, int]) -> bool:
    """Say whether two (entity, start, end) share more than half of the longer one."""
    shared = min(one[2], other[2]) - max(one[1], other[1])
    return one[0] == other[0] and 2 * shared > max(one[2] - one[1], other[2] - other[1])


def test_labelled_personal_data_is_found(shared_data: Path, pii: Pii) -> None:
    """On 750 labelled sentences: precision and recall per entity, and per sentence."""
    sentences = json.loads((shared_data / "pii" / "synth_dataset_v2.first_half.json").read_text(encoding="utf-8"))
    hits, gold, wrong = Counter[str](), Counter[str](), Counter[str]()
    for sentence in sentences:
        spans = [(span["entity_type"], span["start_position"], span["end_position"]) for span in sentence["spans"]]
        # Dates of birth are found as DATE_TIME; the set labels every date, so they may only not be wrong.
        spans = [span for span in spans if span[0] in {*LABELLED, "DATE_TIME"}]
        found = [(one.rule.entity, one.start, one.end) for one in pii.findings(sentence["full_text"])]
        gold.update(span[0] for span in spans if span[0] in LABELLED)
        hits.update(span[0] for span in spans if any(overlap(one, span) for one in found))
        wrong.update(one[0] for one in found if not any(overlap(one, span) for span in spans))
    recall = {entity: hits[entity] / gold[entity] for entity in gold}
    assert recall.pop("PHONE_NUMBER") >= 0.98
    assert min(recall.values()) >= 0.95, recall
    assert wrong.total() <= 0.05 * hits.total(), wrong


def test_public_speeches_hold_no_personal_data(shared_data: Path, pii: Pii) -> None:
    """Nothing is flagged in a century of inaugural addresses, nor in more than one of a thousand noisy comments."""
    with zipfile.ZipFile(shared_data / "text_small" / "nltk" / "inaugural.zip") as archive:
        texts = [archive.read(name).decode("latin-1") for name in archive.namelist() if name.endswith(".txt")]
    assert pii.flag(items_of([part for text in texts for part in text.split("\n\n")])).num_rows == 0
    noisy = (shared_data / "pii" / "wnut17" / "emerging.dev.conll").read_text(encoding="utf-8").replace("\r", "")
    comments = [" ".join(line.split("\t")[0] for line in block.splitlines()) for block in noisy.split("\n\n")]
    assert pii.flag(items_of(comments)).num_rows <= 1


def test_ordinary_tables_hold_no_personal_data(shared_data: Path, pii: Pii) -> None:
    """Rows of public tables full of numbers are not flagged, but for two or three in a hundred of one without columns."""
    shares = {}
    for path in sorted((shared_data / "uci").glob("*/*")):
        if path.suffix in (".data", ".csv"):
            lines = [line for line in path.read_text(encoding="latin-1").splitlines() if line.strip()][:1000]
            cells = [next(csv.reader([line], delimiter=";" if ";" in line else ",")) for line in lines]
            rows = [{f"c{at}": cell for at, cell in enumerate(row)} for row in cells]
            fields = [orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode() for row in rows]
            table = [{"modality": "table", "text": None, "fields": field, "size": len(field)} for field in fields]
            shares[path.name] = len(set(pii.flag(items_of(table))["row"].to_pylist())) / max(1, len(rows))
    assert shares.pop("horse-colic.data", 0.0) <= 0.03
    assert shares
    assert max(shares.values()) == 0.0, shares


def test_identities_in_a_table_are_found_by_their_columns(shared_data: Path, pii: Pii) -> None:
    """Of a thousand invented identities every mail address and nearly every telephone of any country is found."""
    with (shared_data / "pii" / "FakeNameGenerator.com_first1000.csv").open(encoding="utf-8-sig") as stream:
        rows = [
            {name: row[name] for name in ("EmailAddress", "TelephoneNumber", "GivenName")} for row in csv.DictReader(stream)
        ]
    fields = [orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode() for row in rows]
    flags = pii.flag(items_of([{"modality": "table", "text": None, "fields": field, "size": len(field)} for field in fields]))
    columns = Counter(orjson.loads(detail)["column"] for detail in flags["detail"].to_pylist())
    assert columns["EmailAddress"] == len(rows) == 1000
    assert columns["TelephoneNumber"] >= 950
    assert columns["GivenName"] == 0


def duplicates(shards: dict[str, list[Any]], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return flags per shard."""
    made = Duplicates(DuplicatesSettings(), FilterContext(Use(), {}, tuple(shards), ""))
    signatures = {}
    for name, rows in shards.items():
        signatures[name] = folder / f"{name}.parquet"
        pq.write_table(pa.Table.from_batches([made.sign(items_of(rows, source=name))]), signatures[name])
    links = []
    for partition in range(made.partitions):
        links.append(folder / f"links-{partition}.parquet")
        pq.write_table(made.group(signatures, partition), links[-1])
    return {name: flags.to_pylist() for name, flags in made.join(signatures, links)}


def test_editions_of_one_book_are_near_copies(shared_data: Path, tmp_path: Path) -> None:
    """Two plain-text editions (2008 and 1991) with other headers, quotes and line breaks are one cluster."""
    folder = shared_data / "duplicates" / "alice_editions"
    texts = [
        (folder / name).read_text(encoding="utf-8", errors="replace") for name in ("11-0.txt", "11.txt", "old__alice30.txt")
    ]
    other = [essay for essay in (folder / "LICENSE").read_text(encoding="utf-8", errors="replace").split("\n\n")[:1] if essay]
    flags = duplicates({"books": [*texts, *other]}, tmp_path)["books"]
    assert sorted(flag["row"] for flag in flags) == [0, 1, 2]
    assert {flag["code"] for flag in flags} <= {"duplicate.near", "duplicate.normalised", "duplicate.representative"}


def test_one_article_in_six_encodings_is_one_text(shared_data: Path, tmp_path: Path) -> None:
    """Six files differ in every byte and hold the same letters; the digest of the normal form or the shingles see it."""
    encodings = {"IBM866": "cp866", "windows-1251": "cp1251", "KOI8-R": "koi8-r", "IBM855": "cp855", "iso-8859-5": "iso8859-5"}
    encodings["MacCyrillic"] = "mac-cyrillic"
    rows = []
    for path in sorted((shared_data / "duplicates" / "one_article_six_encodings").glob("*.xml")):
        codec = next(codec for name, codec in encodings.items() if path.name.startswith(name))
        rows.append(
            {"text": path.read_bytes().decode(codec, "replace"), "content_sha256": path.name.encode().hex()[:64].ljust(64, "0")}
        )
    flags = duplicates({"articles": rows}, tmp_path)["articles"]
    assert len(flags) == 6
    assert sum(flag["code"] == "duplicate.representative" for flag in flags) == 1


def test_repeated_messages_are_counted(tmp_path: Path, messages: list[str]) -> None:
    """Exact repeats are as many as a set of texts says; normalised and near copies come on top, and are few."""
    codes = Counter(flag["code"] for flag in duplicates({"sms": list(messages)}, tmp_path)["sms"])
    assert codes["duplicate.exact"] == len(messages) - len(set(messages))
    assert 0 < codes["duplicate.normalised"] + codes["duplicate.near"] < 300


def quality(texts: list[str], folder: Path) -> list[dict[str, Any]]:
    """Return the flags of some texts."""
    made, signatures = Quality(QualitySettings(), CONTEXT), folder / "signatures.parquet"
    pq.write_table(pa.Table.from_batches([made.sign(items_of(texts))]), signatures)
    return [flag for _, flags in made.join({"source/1/items-00000": signatures}, []) for flag in flags.to_pylist()]


def test_real_texts_are_not_called_damaged(shared_data: Path, tmp_path: Path) -> None:
    """Clean texts in a hundred languages have no quality flag; the same texts read in the wrong encoding have one."""
    clean, damaged = [], []
    with zipfile.ZipFile(shared_data / "text_small" / "nltk" / "udhr.zip") as archive:
        for name in archive.namelist():
            if name.endswith("-UTF8"):
                clean.append(archive.read(name).decode("utf-8", "ignore"))  # one file of the collection is cut in a character
            if name.rsplit("/", 1)[-1].startswith(("French", "German", "Spanish", "Portuguese")) and name.endswith("Latin1"):
                damaged.append(archive.read(name).decode("latin-1").encode().decode("cp1252", "replace"))
    assert len(clean) > 20
    assert quality(clean, tmp_path) == []
    flags = quality(damaged, tmp_path)
    assert {flag["code"] for flag in flags} == {"quality.encoding-damage"}
    assert len(flags) == len(damaged) > 2


def test_documents_of_a_web_corpus(shared_data: Path, pii: Pii) -> None:
    """Mail addresses in real web documents are all found (counted by hand in the file)."""
    packed = (shared_data / "pii" / "dolma_attributes" / "documents" / "000.json.gz").read_bytes()
    with gzip.open(io.BytesIO(packed), "rt", encoding="utf-8") as stream:
        texts = [json.loads(line)["text"] for line in stream]
    flags = pii.flag(items_of(texts)).to_pylist()
    assert sum(flag["code"] == "pii.email-address" for flag in flags) == 3
