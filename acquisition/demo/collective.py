"""The face of the Mozilla Data Collective: public details, and a POST that hands out a download URL to who may have it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from acquisition.demo.blobs import Storage
from acquisition.demo.wire import Reply, Request, json_reply, whole


@dataclass(slots=True)
class CollectiveDataset:
    """One dataset and who may have it.

    `agreed`: the terms were accepted in the browser. `checksum` says how the digest is told: plain, prefixed ("sha256:…"),
    none, or wrong. `size_as`: a number, or a string.
    """

    ident: str
    slug: str
    name: str
    archive: bytes | Path
    filename: str
    license: str = "Creative Commons Zero v1.0 Universal"
    license_abbreviation: str = "CC0-1.0"
    locale: str = "en"
    agreed: bool = True
    paid: bool = False
    removed: bool = False
    checksum: Literal["plain", "prefixed", "none", "wrong"] = "plain"
    size_as: Literal["number", "string"] = "string"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def told_checksum(self) -> str | None:
        """The digest as the API tells it."""
        digest = hashlib.sha256(whole(self.archive).read()).hexdigest()
        return {"plain": digest, "prefixed": f"sha256:{digest}", "none": None, "wrong": digest[::-1]}[self.checksum]

    @property
    def told_size(self) -> int | str:
        """The size as the API tells it."""
        size = whole(self.archive).size
        return str(size) if self.size_as == "string" else size


class Collective:
    """The API server. `token` is the key that it knows; `lifetime` the seconds for which a download URL lives."""

    token = "mdc-demo-key"  # noqa: S105 - opens nothing but this stand-in

    def __init__(self, base_url: Callable[[], str], storage: Storage) -> None:
        self._base_url, self._storage = base_url, storage
        self._datasets: dict[str, CollectiveDataset] = {}
        self.lifetime = 3600.0

    @property
    def base_url(self) -> str:
        """Where the API listens; it ends in /api, as the real one does."""
        return f"{self._base_url()}/api"

    def add(self, ident: str, archive: bytes | Path, *, filename: str = "", slug: str = "", **facts: Any) -> CollectiveDataset:
        """Publish an archive; `facts` as in `CollectiveDataset`."""
        name = facts.pop("name", slug or ident)
        dataset = CollectiveDataset(ident, slug or ident, name, archive, filename or f"{slug or ident}.tar.gz", **facts)
        self._datasets[ident] = self._datasets[dataset.slug] = dataset
        self._storage.put(f"collective/{ident}/{dataset.filename}", archive, media_type="application/gzip", private=True)
        return dataset

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        path = request.path.strip("/").split("/")
        if request.method == "GET" and path == ["api", "datasets"]:
            items = [self._details(dataset) for name, dataset in self._datasets.items() if name == dataset.ident]
            return json_reply({"items": items, "total": len(items)})
        if path[:2] != ["api", "datasets"] or len(path) < 3:
            return _error(404, "Not found")
        dataset = self._datasets.get(path[2])
        if request.method == "GET" and len(path) == 3:
            return self._missing(dataset) or json_reply(self._details(self._datasets[path[2]]))
        if request.method == "POST" and path[3:] == ["download"]:
            return self._refusal(request, dataset) or self._download(self._datasets[path[2]])
        return _error(404, "Not found")

    def _missing(self, dataset: CollectiveDataset | None) -> Reply | None:
        if dataset is None:
            return _error(404, "Dataset not found")
        return _error(410, "This dataset has been removed") if dataset.removed else None

    def _refusal(self, request: Request, dataset: CollectiveDataset | None) -> Reply | None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "Invalid or missing API key")
        if dataset is None or dataset.removed:
            return self._missing(dataset)
        if dataset.paid:
            return _error(402, "This dataset must be paid for before it can be downloaded")
        if not dataset.agreed:
            return _error(403, "You must agree to the terms of use before downloading this dataset")
        return None

    def _details(self, dataset: CollectiveDataset) -> dict[str, Any]:
        return {
            "id": dataset.ident,
            "slug": dataset.slug,
            "name": dataset.name,
            "shortDescription": f"{dataset.name}, read aloud.",
            "longDescription": "",
            "locale": dataset.locale,
            "task": "ASR",
            "format": "MP3",
            "license": dataset.license,
            "licenseAbbreviation": dataset.license_abbreviation,
            "sizeBytes": dataset.told_size,
            "createdAt": "2026-03-20T08:00:00.000Z",
            "organization": {"name": "Common Voice", "slug": "common-voice"},
            "pricing": {"isPaid": dataset.paid},
            "datasetUrl": f"{self._base_url()}/datasets/{dataset.ident}",
            "filename": dataset.filename,
            "checksum": dataset.told_checksum,
            **dataset.extra,
        }

    def _download(self, dataset: CollectiveDataset) -> Reply:
        return json_reply(
            {
                "downloadUrl": self._storage.signed_url(f"collective/{dataset.ident}/{dataset.filename}", self.lifetime),
                "sizeBytes": dataset.told_size,
                "checksum": dataset.told_checksum,
                "contentType": "application/gzip",
                "filename": dataset.filename,
                "expiresAt": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + self.lifetime)),
            }
        )


def _error(status: int, message: str) -> Reply:
    return json_reply({"error": message, "message": message}, status)
