"""Every export of the demo, validated by the standard's own tool, offline, and by our own checks."""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

from acquisition.manifest import items_schema
from acquisition.manifest.gathered import gather
from tests.flow.running import Place, demo_place

pytestmark = pytest.mark.flow
FORMATS = ("items", "croissant", "attributions", "datapackage", "spdx", "prov", "eu_summary")


def _declared(value: dict[str, Any]) -> None:
    value["manifest"] = list(FORMATS)
    value["dataset"] |= {"url": "https://example.org/demo", "version": "1.2.0", "answers": {"2.5.used": "No"}}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The manifest of the whole demo in all formats; the tests that share it leave it as it is."""
    with demo_place(tmp_path_factory.mktemp("exports"), edit=_declared) as place:
        assert isinstance(place, Place)
        yield Path(place.fetch().manifest)


def read(path: Path) -> Any:
    """Return a JSON document."""
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_line_of_the_ledger_is_of_the_published_schema(manifest: Path) -> None:
    """JSON Lines, the schema beside them and that of the package agree, for kept, held and dropped items of all sources."""
    schema = read(manifest / "items.schema.json")
    assert schema == items_schema()
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    with (manifest / "manifest.jsonl").open("rb") as lines:
        rows = [json.loads(line) for line in lines]
    assert [error.message for row in rows for error in validator.iter_errors(row)] == []
    assert len(rows) == read(manifest / "summary.json")["items"]
    assert {row["basis"] for row in rows} >= {"override", "dataset", "policy", "page", "none"}
    assert {row["synthetic"] for row in rows} == {"suspected", "nothing-found", "not-checked"}


def test_evidence_is_kept_as_bytes(manifest: Path) -> None:
    """Each file that rows cite is there under its own digest, licenses, cards, terms and robots.txt among them."""
    import hashlib

    rows = pq.read_table(manifest / "items.parquet", columns=["evidence", "signals"]).to_pylist()
    cited = {one["file"] for row in rows for one in [*row["evidence"], *(row["signals"] or [])] if one["file"]}
    kept = {f"evidence/{path.name}" for path in (manifest / "evidence").iterdir()}
    assert cited <= kept
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in (manifest / "evidence").iterdir())
    with (manifest / "evidence.jsonl").open("rb") as lines:
        index = [json.loads(line) for line in lines]
    assert {f"evidence/{one['sha256']}" for one in index} == kept
    assert {"terms", "license.evidence", "file of the site"} <= {one["field"] for one in index}
    assert any(one["url"].endswith("/robots.txt") for one in index)


def test_mlcroissant_validates_and_loads(manifest: Path) -> None:
    """The library finds no fault, and loads the kept items with their licenses, and the splits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlcroissant

        dataset = mlcroissant.Dataset(str(manifest / "croissant.json"))
        items, splits = list(dataset.records("items")), list(dataset.records("splits"))
    assert not dataset.metadata.ctx.issues.errors
    whole, _ = gather(manifest / "items.parquet")
    assert (len(items), len(splits)) == (whole.items, len(whole.splits))
    assert sum(int(one["items/size"]) for one in items) == whole.octets


def test_the_other_tools_accept_their_formats(manifest: Path) -> None:
    """Frictionless finds package and table valid, prov and spdx-python-model read every record of theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import frictionless
        from prov.model import ProvDocument
        from spdx_python_model import v3_0_1 as spdx

        report = frictionless.validate(str(manifest / "datapackage.json"))
        assert report.valid, report.flatten(["type", "note"])
        assert ProvDocument.deserialize(content=(manifest / "prov.json").read_text(encoding="utf-8")).get_records()
        objects = spdx.SHACLObjectSet()
        with (manifest / "spdx.json").open("rb") as stream:
            spdx.JSONLDDeserializer().read(stream, objects)
        packages = list(objects.foreach_type(spdx.dataset_DatasetPackage))
    whole, parts = gather(manifest / "items.parquet")
    assert len(packages) == 1 + len(parts)
    assert max(int(package.dataset_datasetSize or 0) for package in packages) == whole.octets
    assert not objects.link()


def test_the_draft_for_article_53_is_of_its_schema(manifest: Path) -> None:
    """The draft fits the schema that is shipped with it, and its domains are ranked by bytes."""
    schema = read(manifest / "eu-summary.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    document = read(manifest / "eu-summary.json")
    jsonschema.Draft202012Validator(schema).validate(document)
    assert (document["version"], document["template"]) == ("1.2.0", "C(2025) 5235 final")
    with (manifest / "eu-summary-domains.csv").open(encoding="utf-8", newline="") as stream:
        domains = list(csv.DictReader(stream))
    sizes = [int(one["bytes"]) for one in domains]
    assert sizes == sorted(sizes, reverse=True)
    assert {word for one in domains for word in one["modality"].split()} == {"text", "image"}
    assert len({one["domain"] for one in domains}) == len(domains)


def test_all_formats_tell_the_same_set(manifest: Path) -> None:
    """Counts, bytes, licenses and ids agree between formats, and nothing that was held or dropped is in one of them."""
    whole, _ = gather(manifest / "items.parquet")
    rows = pq.read_table(manifest / "items.parquet", columns=["id", "path"]).to_pylist()
    kept, others = {row["id"] for row in rows if row["path"]}, {row["id"] for row in rows if not row["path"]}
    table = pq.read_table(manifest / "curated-items.parquet")
    with (manifest / "items.csv").open(encoding="utf-8", newline="") as stream:
        listed = [row["id"] for row in csv.DictReader(stream)]
    assert set(table["id"].to_pylist()) == set(listed) == kept
    assert len(kept) == whole.items
    texts = [
        path.read_text(encoding="utf-8") for path in manifest.iterdir() if path.suffix in {".json", ".csv", ".md", ".html"}
    ]
    assert not [item for item in others if any(item in text for text in texts)]
    licenses = {one.rpartition("/")[2] for one in read(manifest / "croissant.json")["license"]}
    assert licenses == {one["name"] for one in read(manifest / "datapackage.json")["licenses"]} == set(whole.concluded)
    assert read(manifest / "summary.json")["version"] == read(manifest / "croissant.json")["version"] == "1.2.0"
    formats = read(manifest / "summary.json")["formats"]
    assert set(formats) == set(FORMATS)
    assert all(one["standard"] and one["exporter"] for one in formats.values())
    assert all((manifest / name).is_file() for one in formats.values() for name in one["files"])
