"""Readers on real files that nobody here wrote: the counts are the files' own."""

from __future__ import annotations

import json
import resource
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from acquisition.content import is_inline
from tests.unit.test_read import Result, read, tarred, verify

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared data lies beside the checkout and is not there"),
]


def folder(path: Path) -> dict[str, Path]:
    """Return the files of a folder as a release: path inside it → file."""
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.name not in ("ORIGIN.md", "FILES.tsv"))
    return {file.relative_to(path).as_posix(): file for file in files}


def read_folder(path: Path, items: dict[str, object] | None = None, options: dict[str, object] | None = None) -> Result:
    """Read a folder as one release, and verify every item that is not a row."""
    files = folder(path)
    rows, rejections = [], []
    for name, file in files.items():
        result = read(file, items, options, name=name, siblings=files)
        verify(file, Result([row for row in result.rows if not is_inline(row)][:50], []))
        rows += result.rows
        rejections += result.rejections
    return Result(rows, rejections)


@pytest.mark.parametrize(
    ("path", "count", "items"),
    [
        ("53_iris/iris.data", 150, {"label": 4}),
        ("53_iris/bezdekIris.data", 150, {"label": 4}),
        ("186_wine+quality/winequality-red.csv", 1_599, {"label": "quality"}),
        ("186_wine+quality/winequality-white.csv", 4_898, {"label": "quality"}),
        ("2_adult/adult.data", 32_561, {"label": 14}),
        ("15_breast+cancer+wisconsin+original/breast-cancer-wisconsin.data", 699, {"label": 10}),
        ("39_ecoli/ecoli.data", 336, {"label": 8}),
        ("42_glass+identification/glass.data", 214, {"label": 10}),
        ("47_horse+colic/horse-colic.data", 300, {"label": 23}),
        ("228_sms+spam+collection/SMSSpamCollection", 5_574, {"as": "rows", "label": 0, "text": 1}),
    ],
)
def test_uci_tables_have_their_published_numbers_of_rows(path: str, count: int, items: dict[str, object]) -> None:
    """Headerless, comma, semicolon, tab or spaces: every row is an item and none is rejected."""
    result = read(DATA / "uci" / path, items)
    assert len(result.rows) == count
    assert result.rejections == []
    assert None not in result.column("label")


def test_uci_values_are_the_files_own() -> None:
    """Labels, names and spaces: adult's values carry no leading space, wine's header names its columns."""
    adult = read(DATA / "uci/2_adult/adult.data", {"label": 14}, {"na_values": ("?",)})
    assert Counter(adult.column("label")) == {"<=50K": 24_720, ">50K": 7_841}
    sms = read(DATA / "uci/228_sms+spam+collection/SMSSpamCollection", {"as": "rows", "label": 0, "text": 1})
    assert Counter(sms.column("label")) == {"ham": 4_826, "spam": 747, "b  ham": 1}  # as this copy's first line has it
    wine = read(DATA / "uci/186_wine+quality/winequality-red.csv", {"label": "quality"})
    assert json.loads(wine.rows[0]["fields"])["fixed acidity"] == "7.4"


def test_air_quality_empty_rows_are_counted() -> None:
    """UCI's own zip: 9,357 measurements, 114 rows without any value, a spreadsheet that is not read."""
    result = read(DATA / "uci/360_air+quality/air+quality.zip")
    assert len(result.rows) == 9_357
    assert result.codes == {"empty-row": 114, "format-unknown": 1}


def test_a_whole_uci_release_with_its_companions() -> None:
    """Beside the data, .names and Index are companions."""
    result = read_folder(DATA / "uci/53_iris", {"label": 4})
    assert len(result.rows) == 300
    assert result.codes == {"companion-file": 2}


def test_kaggle_releases() -> None:
    """Penguins, titanic, word problems: rows as published, NA as declared."""
    penguins = read(DATA / "kaggle/palmer-archipelago-antarctica-penguin-data/penguins.csv", {"label": "species"})
    assert Counter(penguins.column("label")) == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    assert len(read(DATA / "kaggle/titanic/data/titanic.csv", {"label": "survived"}).rows) == 1_309
    assert len(read(DATA / "kaggle/arithmetic-word-problem-compendium/sample.jsonl").rows) == 1_000


def test_hub_repositories() -> None:
    """Image folders with labels, JSON Lines, nested JSON by key, and Parquet of every kind."""
    beans = read_folder(
        DATA / "huggingface/repos/beans", {"label": {"from": "folder"}, "split": {"from": "folder", "level": 0}}
    )
    assert Counter(beans.column("label")) == {"angular_leaf_spot": 2, "bean_rust": 2, "healthy": 4}
    assert beans.codes == {"companion-file": 2}
    squad = DATA / "huggingface/repos/squad/plain_text/dev-v1.1.json"
    questions = read(squad, {"records": "data.paragraphs.qas", "text": "question"})
    document = json.loads(squad.read_bytes())
    assert len(questions.rows) == sum(len(each["qas"]) for part in document["data"] for each in part["paragraphs"])
    counts = {path.name: len(read(path).rows) for path in sorted((DATA / "huggingface/parquet").glob("*.parquet"))}
    assert counts["delta_byte_array.parquet"] == 1_000
    assert counts["concatenated_gzip_members.parquet"] == 513
    assert counts["alltypes_plain.parquet"] == 8
    assert {name for name, count in counts.items() if not count} == {"large_string_map.brotli.parquet"}  # rows of a gigabyte


def test_common_voice_rows_without_their_clips() -> None:
    """The published sample holds zero-byte clips: each described one is named, nothing becomes an item."""
    path = DATA / "common_voice/hf_dummy/ab_6.1.0_dummy_data.zip"
    result = read(path, reader="common-voice")
    assert result.rows == []
    assert result.codes["empty-file"] == 2
    assert result.codes["media-unlisted"] == 1


def test_common_voice_rows_with_a_real_clip(tmp_path: Path) -> None:
    """Real rows and a real clip in a tar.gz: text and group, no client id."""
    base = DATA / "common_voice/cv-corpus-6.1-2020-12-11/ab"
    clip = (DATA / "common_voice/clips/common_voice_en_651325.mp3").read_bytes()
    members = {f"cv/ab/{file.name}": file.read_bytes() for file in sorted(base.glob("*.tsv"))}
    members["cv/ab/clips/common_voice_ab_19973269.mp3"] = clip
    path = tarred(tmp_path / "cv.tar.gz", members, "w:gz")
    result = read(path, {"group": "client_id"}, reader="common-voice")
    assert len(result.rows) == 1
    assert result.rows[0]["text"].startswith("Аллаҳ")
    assert len(result.rows[0]["group"]) == 32
    assert result.codes["media-missing"] == 1
    verify(path, result)


def test_audio_folders() -> None:
    """Drums by class folder in wav and flac, digits by file name, three codecs of the same words."""
    drums = read_folder(DATA / "audio_drums/wav", {"label": {"from": "folder"}})
    assert len(drums.rows) == len(folder(DATA / "audio_drums/wav"))
    assert {"kicks", "snares", "hats"} <= set(drums.column("label"))
    digits = read_folder(DATA / "audio_digits/recordings", {"label": {"from": "file", "pattern": r"^(\d)_"}})
    assert Counter(digits.column("label")) == {str(digit): 21 for digit in range(10)}
    words = read_folder(DATA / "audio_ljspeech/wavs")
    assert Counter(words.column("media_type")) == {"audio/wav": 5, "audio/flac": 5, "audio/mpeg": 5}
    commands = read_folder(DATA / "speech_commands", {"label": {"from": "folder"}})
    assert len([row for row in commands.rows if row["modality"] == "audio"]) == 12
    speech = read_folder(DATA / "librispeech/LibriSpeech")
    assert Counter(speech.column("media_type")) == {"audio/flac": 2, "text/plain": 2}


def test_idx_files() -> None:
    """The MNIST test set with its labels, and files that are called .gz and are not."""
    mnist = DATA / "fashion_mnist/mnist"
    siblings = {path.name: path for path in mnist.glob("*.gz")}
    result = read(mnist / "t10k-images-idx3-ubyte.gz", siblings=siblings)
    assert len(result.rows) == 10_000
    assert result.column("label")[:5] == ["7", "2", "1", "0", "4"]
    verify(mnist / "t10k-images-idx3-ubyte.gz", Result(result.rows[::500], []))
    assert len(read(DATA / "fashion_mnist/train-labels-idx1-ubyte.gz").rows) == 60_000
    plain = read(DATA / "fashion_mnist/hf_dummy/dummy_data.zip")
    assert len(plain.rows) == 10
    assert plain.codes == {"bad-labels": 2, "companion-file": 2}


@pytest.mark.parametrize(
    ("path", "items", "codes"),
    [
        ("commoncrawl_whirlwind/whirlwind.warc.gz", 1, {}),
        ("commoncrawl_whirlwind/whirlwind.warc.wet.gz", 1, {}),
        ("commoncrawl_whirlwind/whirlwind.warc.wat.gz", 0, {"empty-file": 1}),
        ("dolma/sample-0000.warc.gz", 24, {}),
        ("warcio/example.warc.gz", 1, {"warc-revisit": 1}),
        ("warcio/example-bad-non-chunked.warc.gz", 0, {"warc-damaged": 1}),
        ("warcio/example-wrong-chunks.warc.gz", 0, {"warc-truncated": 1, "warc-damaged": 1}),
        ("stormcrawler/test.warc.gz", 17, {"warc-status": 1, "warc-revisit": 2}),
        ("pywb/warcs/example-extra.warc", 1, {"warc-revisit": 2, "warc-digest": 1}),
        ("warcio/example.arc.gz", 1, {}),
    ],
)
def test_web_archives(path: str, items: int, codes: dict[str, int]) -> None:
    """Real captures give their pages; revisits, errors and damage are named; a second look gives the same places."""
    result = read(DATA / "warc" / path)
    assert len(result.rows) == items
    assert result.codes == codes
    assert read(DATA / "warc" / path).column("locator") == result.column("locator")
    verify(DATA / "warc" / path, result)


def test_saved_pages() -> None:
    """Every saved page is an item with text."""
    pages = sorted((DATA / "web_pages/article-extraction-benchmark/html").glob("*.html.gz"))[:40]
    for page in pages:
        result = read(page)
        assert len(result.rows) == 1
        assert result.rows[0]["text"]
        verify(page, result)


def test_csv_spectrum_agrees_with_its_truth() -> None:
    """Quotes, line ends and empty cells: each CSV file equals the JSON beside it."""
    base = DATA / "text_small/csv/csv-spectrum"
    for path in sorted(base.glob("*.csv")):
        truth = [
            {name: str(value) for name, value in row.items()} for row in json.loads(path.with_suffix(".json").read_bytes())
        ]
        result = read(path, options={"delimiter": ",", "header": True})
        found = [json.loads(text) for text in result.column("fields")]
        same = [{name: value.replace("\r\n", "\n") for name, value in row.items()} for row in found]
        assert same == [{name: value.replace("\r\n", "\n") for name, value in row.items()} for row in truth], path.name


def test_messy_files_never_end_in_silence() -> None:
    """Every file of the messy collections gives items or rejections."""
    for path in folder(DATA / "text_small").values():
        result = read(path)
        assert result.rows or result.rejections, path


def test_hostile_files_give_items_or_rejections() -> None:
    """Every attack and every broken file is survived in bounded memory, and nothing is written anywhere."""
    before = set(Path(tempfile.gettempdir()).glob("evil*"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    codes: Counter[str] = Counter()
    items = 0
    for name, path in folder(DATA / "malicious").items():
        for kind in (None, "files"):
            result = read(path, {"as": kind} if kind else {}, name=name)
            assert result.rows or result.rejections, name
            if kind is None:
                codes += result.codes
                items += len(result.rows)
            verify(path, result)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 400_000
    assert set(Path(tempfile.gettempdir()).glob("evil*")) == before
    assert codes["archive-traversal"] == 8
    assert codes["archive-encrypted"] == 5
    assert codes["archive-link"] == 22
    assert codes["archive-special"] == 4
    assert items > 21_000


def test_zip_slip_keeps_the_good_member() -> None:
    """The four zip-slip archives: the good file is an item, the evil one a rejection."""
    for path in sorted((DATA / "malicious/zip_slip").glob("zip-slip*")):
        result = read(path)
        assert result.column("name") == ["good"]
        assert result.codes == {"archive-traversal": 1}


def test_compression_bombs_are_stopped() -> None:
    """The gzip and zstd bombs unpack to tens of megabytes out of kilobytes: refused by ratio, whole or as files."""
    for name in ("bomb-gzip.bin", "bomb-zstd.bin"):
        assert read(DATA / "malicious/http_compressed" / name, {"as": "files"}).codes == {"archive-bomb": 1}
