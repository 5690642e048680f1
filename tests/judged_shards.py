"""Item, flag and verdict shards made on the spot, for the tests of what comes after the filters."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import struct
import wave
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition.content import Contents
from acquisition.curate import CurateInputs, CurateResult, Policy, VerdictTask, build, judge_shard
from acquisition.manifest import LedgerInputs, ManifestInputs, ManifestResult, Retrieval, write
from acquisition.model import (
    FLAG_SCHEMA,
    ITEM_SCHEMA,
    Decision,
    Evidence,
    FlagShard,
    JudgedShard,
    LicenseClaim,
    Release,
    Shard,
    item_id,
)
from acquisition.settings import CuratedSettings, DatasetSettings, PolicyRule
from acquisition.workspace import Workspace

NOW = "2026-11-21T00:00:00Z"


def wav(seed: int) -> bytes:
    """Return a short WAV file that differs for each seed."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(struct.pack("<80h", *((seed * 31 + step) % 3000 for step in range(80))))
    return buffer.getvalue()


def png(seed: int) -> bytes:
    """Return a PNG of one grey pixel row that differs for each seed."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 4, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, seed % 256, seed // 256 % 256, 7, 9]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def release(source: str, license_: str = "CC0-1.0", **facts: Any) -> Release:
    """Return a release whose publisher names one license."""
    claim = LicenseClaim(
        (license_,), "spdx", evidence=(Evidence("license", license_, f"https://example.org/{source}", "0" * 64, NOW),)
    )
    return Release(source=source, revision="r1", assets=(), license=claim, **{"kind": "local", **facts})


class World:
    """A workspace that shards are put into, and the curated set that is built from them."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root / "data")
        self.shards: list[tuple[Shard, tuple[FlagShard, ...]]] = []
        self.releases: dict[str, Release] = {}
        self.blobs: dict[str, Path] = {}

    def blob(self, content: bytes, foreign: Path | None = None) -> str:
        """Store bytes and return their digest; with `foreign` they lie in a file of the user's own."""
        digest = hashlib.sha256(content).hexdigest()
        path = foreign or self.workspace.blob_path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content)
        self.blobs[digest] = path
        return digest

    def media(self, content: bytes, name: str, label: str | None, kind: str = "audio/wav", **facts: Any) -> dict[str, Any]:
        """Return a row for a file of its own."""
        digest = self.blob(content)
        suffix = {"audio/wav": "wav", "image/png": "png"}[kind]
        return {
            "locator": f"{label}/{name}.{suffix}",
            "asset": f"{label}/{name}.{suffix}",
            "blob": digest,
            "member": "",
            "modality": kind.split("/")[0],
            "media_type": kind,
            "size": len(content),
            "content_sha256": digest,
            "label": label,
            "name": name,
            **facts,
        }

    def text(self, text: str, number: int, label: str | None = None, **facts: Any) -> dict[str, Any]:
        """Return a row for one row of a table of texts."""
        return {
            "locator": f"rows.csv#row={number}",
            "modality": "text",
            "media_type": "text/plain",
            "size": len(text.encode()),
            "content_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "text": text,
            "label": label,
            "name": f"rows-{number}",
            **facts,
        }

    def table(self, fields: Mapping[str, Any], number: int, label: str | None = None, **facts: Any) -> dict[str, Any]:
        """Return a row for one row of a table of values."""
        body = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return {**self.text(body, number, label), "modality": "table", "text": None, "fields": body, **facts}

    def add(
        self,
        source: str,
        rows: Sequence[Mapping[str, Any]],
        flags: Sequence[Mapping[str, Any]] = (),
        *,
        license_: str = "CC0-1.0",
        **facts: Any,
    ) -> list[str]:
        """Write one shard with its flags and return the items' ids."""
        self.releases.setdefault(source, release(source, license_, **facts))
        index = sum(shard.source == source for shard, _ in self.shards)
        base = {"source": source, "release": "r1", "asset": "rows.csv", "blob": "0" * 64, "member": ""}
        full = [{**base, "id": item_id(source, "r1", row["locator"]), **row} for row in rows]
        table = pa.Table.from_pylist([{name: row.get(name) for name in ITEM_SCHEMA.names} for row in full], ITEM_SCHEMA)
        path = self.workspace.staging / source / "r1" / f"items-{index:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        shard = Shard(source, "r1", index, str(path), len(rows), hashlib.sha256(path.read_bytes()).hexdigest())
        by_filter: dict[str, list[Mapping[str, Any]]] = {}
        for flag in flags:
            by_filter.setdefault(str(flag["code"]).split(".")[0], []).append(flag)
        written = tuple(self._flags(name, shard, full, found) for name, found in sorted(by_filter.items()))
        self.shards.append((shard, written))
        return [str(row["id"]) for row in full]

    def _flags(
        self, name: str, shard: Shard, rows: Sequence[Mapping[str, Any]], flags: Sequence[Mapping[str, Any]]
    ) -> FlagShard:
        base = {"score": 1.0, "field": "", "start": -1, "end": -1, "detail": ""}
        path = self.workspace.flags / f"{name}-1-0" / f"{shard.key}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        full = [{**base, **flag, "item": rows[flag["row"]]["id"]} for flag in sorted(flags, key=lambda flag: int(flag["row"]))]
        pq.write_table(pa.Table.from_pylist(full, FLAG_SCHEMA), path)
        return FlagShard(name, 1, str(path))

    def judged(self, policy: Policy, decisions: Mapping[str, Decision]) -> list[JudgedShard]:
        """Judge every shard."""
        found = []
        for shard, flags in self.shards:
            target = str(self.workspace.verdicts / f"{shard.key}.parquet")
            judge_shard(VerdictTask(shard, flags, policy, target, decisions))
            found.append(JudgedShard(shard, flags, target))
        return found

    def build(
        self,
        settings: CuratedSettings | None = None,
        rules: Sequence[PolicyRule] = (),
        decisions: Mapping[str, Decision] | None = None,
        shards: Sequence[JudgedShard] | None = None,
        today: dt.date = dt.date.min,
        resumed: bool = False,
        own_names: Mapping[str, Mapping[str, str]] | None = None,
    ) -> CurateResult:
        """Judge everything and build the curated set."""
        policy = Policy(rules)
        with Contents(self.blobs.__getitem__) as contents:
            return build(
                CurateInputs(
                    shards=self.judged(policy, decisions or {}) if shards is None else shards,
                    policy=policy,
                    settings=settings or CuratedSettings(),
                    dataset=DatasetSettings(name="set", title="A set", description="Made for a test."),
                    releases=self.releases,
                    contents=contents,
                    blob_path=self.blobs.__getitem__,
                    blobs=self.workspace.blobs,
                    curated=self.workspace.curated,
                    placements=self.workspace.placements,
                    splits=self.workspace.splits,
                    today=today,
                    resumed=resumed,
                    own_names=own_names or {},
                )
            )

    def placements(self) -> list[dict[str, Any]]:
        """Return all placement rows, sorted by source and shard."""
        files = sorted(self.workspace.placements.rglob("*.parquet"))
        return [row for path in files for row in pq.read_table(path, partitioning=None).to_pylist()]

    def with_license(self, source: str, **claim: Any) -> None:
        """Change a source's license claim."""
        self.releases[source] = replace(self.releases[source], license=replace(self.releases[source].license, **claim))


def tree(directory: Path) -> dict[str, str]:
    """Return path → sha256 of every file below a directory."""
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def write_manifest(world: World, settings: CuratedSettings | None = None, **facts: Any) -> ManifestResult:
    """Build the set of a world and write its manifest; `facts` are fields of DatasetSettings and LedgerInputs.

    `ledger` are further fields of LedgerInputs, `grab` a list that the inputs are put into.
    """
    rules = facts.pop("rules", ())
    decisions = facts.pop("decisions", {})
    judged = world.judged(Policy(rules), decisions)
    world.build(settings, rules, decisions, shards=judged)
    extra = {name: facts.pop(name) for name in ("rejections", "refusals", "formats", "not_checked") if name in facts}
    ledger = facts.pop("ledger", {})
    grab = facts.pop("grab", [])
    grab.append(
        ManifestInputs(
            ledger=LedgerInputs(
                shards=tuple(judged),
                placements=world.workspace.placements,
                releases=world.releases,
                decisions=decisions,
                retrieval_of=lambda _blob: Retrieval(NOW, "https://example.org/kit.zip?token=secret"),
                settings=facts.pop("settings", {}),
                **ledger,
            ),
            manifest=world.workspace.manifest,
            curated=world.workspace.curated,
            files=world.workspace.placements / "files.jsonl",
            dataset=DatasetSettings(name="set", title="A set", description="Made for a test.", **facts),
            created_at=NOW,
            tool_version="0.1.0",
            **extra,
        )
    )
    return write(grab[-1])
