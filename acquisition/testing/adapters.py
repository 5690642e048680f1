"""What every source adapter keeps: `check_adapter`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from acquisition.model import Asset, LicenseClaim, Release
from acquisition.protocols import ApiClient, ResolveContext, Source, SourceAdapter
from acquisition.settings import Settings, SourceSettings

NOW: Final = "2026-11-21T06:00:00Z"
_KIND: Final = re.compile(r"[a-z][a-z0-9_]*")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_HEX: Final = {"sha256": 64, "sha512": 128, "sha1": 40, "md5": 32, "crc32c": 8, "git-sha1": 40}
_LOCATED: Final = 3
_SEEDS: Final = 1_000
_EXPECTED: Final = frozenset({"md5", "sha1", "sha256", "size", "width", "height"})


def source_for(adapter: type[SourceAdapter] | SourceAdapter, name: str = "source", /, **settings: Any) -> Source:
    """Return a source as sources.yaml would declare it: `kind` and the keys given, checked by the adapter's own model."""
    declared = adapter.Settings.model_validate_json(orjson.dumps({"kind": adapter.kind, **settings}))
    return Source(name, declared, where="sources.yaml:1:1")


def context_for(
    api: ApiClient, *, environment: Mapping[str, str] | None = None, base: Path = Path(), pin: Release | None = None
) -> ResolveContext:
    """Return a context with a still clock and only the environment that is given."""
    return ResolveContext(api, dict(environment or {}), lambda: NOW, base, "acquisition/testing", pin)


def check_adapter(adapter: SourceAdapter, source: Source, context: ResolveContext) -> Release:
    """Assert the contract of `SourceAdapter` and return the release, for assertions of one's own.

    The adapter is asked twice, then with its own release as the pin, then for the location of the first assets, and twice for
    what a crawl begins with; so the script or server behind `context.api` must answer more than once.
    """
    _check_class(adapter)
    release = adapter.resolve(source, context)
    _check_release(adapter, source, release)
    again = adapter.resolve(source, context)
    assert again == release, "resolve gives a different release the second time, with the same answers and the same clock"
    kept = adapter.resolve(source, dataclasses.replace(context, pin=release))
    assert kept.revision == release.revision, (
        f"with a pin, resolve gives revision {kept.revision!r} instead of {release.revision!r}"
    )
    for asset in release.assets[:_LOCATED]:
        _check_location(adapter, source, release, asset, context)
    _check_seeds(adapter, source, context)
    _check_secrets(release, context)
    return release


def _check_class(adapter: SourceAdapter) -> None:
    kind = adapter.kind
    assert SourceAdapter in type(adapter).__mro__, f"{type(adapter).__name__} does not inherit SourceAdapter"
    assert _KIND.fullmatch(kind), f"kind {kind!r} is not a lower-case word (with _ and digits)"
    assert issubclass(adapter.Settings, SourceSettings), "Settings does not inherit SourceSettings"
    assert adapter.Settings.model_config.get("extra") == "forbid", "Settings accepts unknown keys"
    assert adapter.Settings.model_config.get("frozen") is True, "Settings is not frozen"
    assert (adapter.Settings.__doc__ or "").strip(), "Settings has no docstring; it is what `acquire schema` shows"
    undescribed = [
        name
        for name, field in adapter.Settings.model_fields.items()
        if name in _own(adapter) and not field.description and not _describes_itself(field.annotation)
    ]
    assert not undescribed, f"keys without a docstring: {', '.join(undescribed)}"
    assert adapter.title, "title is empty; it is what `acquire kinds` shows"
    assert "\n" not in adapter.title, "title is more than one line"
    assert all(host and "/" not in host for host in adapter.hosts), f"hosts are bare names, not {adapter.hosts!r}"
    assert adapter.mover in {"downloader", "crawler"}, f"mover is {adapter.mover!r}"


def _describes_itself(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Settings) and bool(annotation.__doc__)


def _own(adapter: SourceAdapter) -> set[str]:
    return set(adapter.Settings.model_fields) - set(SourceSettings.model_fields)


def _check_release(adapter: SourceAdapter, source: Source, release: Release) -> None:
    assert release.source == source.name, f"the release names source {release.source!r}, not {source.name!r}"
    assert release.kind == adapter.kind, f"the release names kind {release.kind!r}, not {adapter.kind!r}"
    assert _TIME.fullmatch(release.resolved_at), f"resolved_at {release.resolved_at!r} is not context.now()'s ISO 8601 in UTC"
    assert release.revision == release.revision.strip(), "revision has space around it"
    assert "/" not in release.revision, f"revision {release.revision!r} has a slash; it names folders"
    if adapter.mover == "crawler":
        assert not release.assets, "a crawled source names no assets"
    else:
        assert release.assets, "the release has no assets; raise SourceNotFound when there is nothing"
    paths = [asset.path for asset in release.assets]
    assert len(set(paths)) == len(paths), "two assets have the same path"
    for asset in release.assets:
        _check_asset(asset)
    _check_claim(release.license)
    repr(release).encode("utf-8")


def _check_asset(asset: Asset) -> None:
    parts = asset.path.split("/")
    assert all(part not in {"", ".", ".."} for part in parts), f"asset path {asset.path!r} is not a plain relative path"
    assert "\\" not in asset.path, f"asset path {asset.path!r} has a backslash"
    assert asset.size is None or asset.size >= 0, f"{asset.path}: size is {asset.size!r}"
    for digest in asset.digests:
        wanted = _HEX[digest.algorithm]
        assert re.fullmatch(rf"[0-9a-f]{{{wanted}}}", digest.value), (
            f"{asset.path}: {digest} is not {wanted} lower-case hex digits"
        )
    if asset.local_path:
        assert Path(asset.local_path).is_absolute(), f"{asset.path}: local_path is not absolute"
    if asset.url:
        assert urlsplit(asset.url).scheme in {"http", "https"}, f"{asset.path}: url is not http or https"


def _check_claim(claim: LicenseClaim) -> None:
    if claim.raw:
        assert claim.level != "none", "a license was found but its level is none"
        assert claim.evidence, f"the license {claim.raw} has no evidence"
    else:
        assert claim.level in {"none", "dataset"}, f"no license was found but its level is {claim.level}"
    for evidence in claim.evidence:
        assert evidence.field, "evidence does not say which field it is"
        assert re.fullmatch(r"[0-9a-f]{64}|", evidence.sha256), f"evidence {evidence.field}: sha256 is {evidence.sha256!r}"
        assert _TIME.fullmatch(evidence.at), f"evidence {evidence.field}: at is {evidence.at!r}"


def _check_location(adapter: SourceAdapter, source: Source, release: Release, asset: Asset, context: ResolveContext) -> None:
    location = adapter.locate(source, release, asset, context)
    parts = urlsplit(location.url)
    allowed = {"file"} if asset.local_path else {"http", "https"}
    assert parts.scheme in allowed, f"{asset.path}: location {location!r} is not {' or '.join(sorted(allowed))}"
    assert "@" not in parts.netloc, f"{asset.path}: the location carries a user or password"
    assert location.expires_at >= 0, f"{asset.path}: expires_at is {location.expires_at!r}"


def _check_seeds(adapter: SourceAdapter, source: Source, context: ResolveContext) -> None:
    """Check what a crawl begins with: readable, the same every time, with a reason; what cannot be visited the crawl counts."""
    seeds = list(islice(adapter.seeds(source, context), _SEEDS))
    if adapter.mover != "crawler":
        assert not seeds, "a source that is downloaded gives no seeds"
    again = list(islice(adapter.seeds(source, context), _SEEDS))
    assert again == seeds, "seeds are different the second time, with the same answers"
    for seed in seeds:
        assert seed.reason, f"the seed {seed.url!r} does not say why it is visited"
        unknown = set(seed.expect) - _EXPECTED
        assert not unknown, f"the seed {seed.url!r} expects {', '.join(sorted(unknown))}, which nobody checks"
        orjson.dumps([dict(seed.fields), dict(seed.expect)])
    for name, value in context.environment.items():
        if re.search(r"TOKEN|KEY|SECRET|PASSWORD", name) and len(value) >= 6:
            assert value not in repr(seeds), f"the seeds repeat the secret of {name}"


def _check_secrets(release: Release, context: ResolveContext) -> None:
    shown = repr(release)
    for name, value in context.environment.items():
        if re.search(r"TOKEN|KEY|SECRET|PASSWORD", name) and len(value) >= 6:
            assert value not in shown, f"the release repeats the secret of {name}"
