"""The face of the UCI repository: metadata as JSON, and files without a length, validators or ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acquisition.demo.archives import Files, zip_bytes
from acquisition.demo.blobs import Stored, serve
from acquisition.demo.wire import Reply, Request, json_reply, whole

_PAGE = b"<!DOCTYPE html>\n<html><head><title>404 - UCI</title></head><body>Page not found</body></html>\n"


@dataclass(slots=True)
class UciDataset:
    """One donation. `table` is the cleaned data.csv of an importable set; an external one only links elsewhere."""

    ident: int
    name: str
    slug: str
    table: bytes | Path | None = None
    external_url: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Uci:
    """The web server of the repository. With `status_in_body` a missing set is HTTP 200 whose JSON says 404."""

    def __init__(self, base_url: Callable[[], str]) -> None:
        self._base_url = base_url
        self._datasets: dict[int, UciDataset] = {}
        self._static: dict[str, Stored] = {}
        self.status_in_body = False

    @property
    def base_url(self) -> str:
        """Where the site listens."""
        return self._base_url()

    def add(
        self,
        ident: int,
        name: str,
        slug: str,
        files: Files | bytes | Path | None = None,
        *,
        table: bytes | Path | None = None,
        external_url: str | None = None,
        **facts: Any,
    ) -> UciDataset:
        """Publish a set: its files (zipped here, or a zip already), its cleaned table, or only a link to elsewhere.

        `facts` replace fields of the API's `data` object by name.
        """
        dataset = UciDataset(ident, name, slug, table, external_url, facts)
        self._datasets[ident] = dataset
        if files is not None:
            archive = zip_bytes(files) if isinstance(files, Mapping) else files
            self._publish(f"static/public/{ident}/{slug}.zip", archive, "application/zip")
        if table is not None:
            self._publish(f"static/public/{ident}/data.csv", table, "text/csv")
        return dataset

    def _publish(self, path: str, content: bytes | Path, media_type: str) -> None:
        self._static[path] = Stored(content, media_type, ranges=False, validators=False, framing="chunked")

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        path = request.path.strip("/")
        if path == "api/dataset":
            return self._details(request)
        if path == "api/datasets/list":
            return self._list(request)
        if path in self._static:
            return serve(self._static[path], request)
        return Reply(404, (("Content-Type", "text/html; charset=utf-8"),), whole(_PAGE))

    def _details(self, request: Request) -> Reply:
        ident, name = request.query.get("id", ""), request.query.get("name", "").lower()
        found = self._datasets.get(int(ident)) if ident.isdecimal() else None
        if not ident and name:
            found = next((dataset for dataset in self._datasets.values() if dataset.name.lower() == name), None)
        if found is None:
            status = 200 if self.status_in_body else 404
            return json_reply({"status": 404, "message": "Dataset not found in repository"}, status)
        return json_reply({"status": 200, "statusText": "OK", "data": self._data(found)})

    def _list(self, request: Request) -> Reply:
        search = request.query.get("search", "").lower()
        importable = request.query.get("filter") == "python"
        data = [
            {"id": dataset.ident, "name": dataset.name}
            for dataset in self._datasets.values()
            if search in dataset.name.lower() and (dataset.table is not None or not importable)
        ]
        return json_reply({"status": 200, "statusText": "OK", "data": data})

    def _data(self, dataset: UciDataset) -> dict[str, Any]:
        table = f"{self.base_url}/static/public/{dataset.ident}/data.csv" if dataset.table is not None else None
        return {
            "uci_id": dataset.ident,
            "name": dataset.name,
            "repository_url": f"{self.base_url}/dataset/{dataset.ident}/{dataset.slug}",
            "data_url": table,
            "abstract": f"The {dataset.name} data.",
            "area": "Other",
            "tasks": ["Classification"],
            "characteristics": ["Multivariate"],
            "num_instances": None,
            "num_features": None,
            "feature_types": [],
            "demographics": [],
            "target_col": None,
            "index_col": None,
            "has_missing_values": "no",
            "missing_values_symbol": None,
            "year_of_dataset_creation": 2020,
            "last_updated": "Tue Sep 12 2023",
            "dataset_doi": f"10.24432/DEMO{dataset.ident}",
            "creators": ["A. Donor"],
            "intro_paper": None,
            "additional_info": None,
            "external_url": dataset.external_url,
            "variables": [],
            **dataset.facts,
        }
