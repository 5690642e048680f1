"""`acquire verify`: is the set what the manifest says, and is everything gone that was taken down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from acquisition.cli import output
from acquisition.cli.progress import reporter
from acquisition.cli.run import common, declared
from acquisition.errors import EXIT_DONE, EXIT_FINDINGS, UsageError

if TYPE_CHECKING:  # Arrow is heavy; it is loaded when the command runs
    from acquisition.manifest import Finding

_SHOWN: Final = 20
_FINDINGS: Final = 200
"""Findings that are told one by one."""


@click.command("verify")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path, dir_okay=False), help="With BUNDLE: the public ed25519 key in PEM.")
@declared
@common
def command(*, bundle: Path | None, key: Path | None, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Hash set and manifest again, and hold the tombstones against every file of the workspace. Exit code 1 on findings.

    With BUNDLE, a directory or tar of `acquire bundle` is checked instead, without a declaration or a network.
    """
    del debug
    from acquisition import pipeline

    if bundle is not None:
        return _bundle(bundle, key, as_json=as_json)
    if key is not None:
        raise UsageError("--key belongs to a bundle", hint="Name it: `acquire verify BUNDLE --key public.pem`.")
    with reporter(quiet=as_json) as listener:
        verified = pipeline.verify(pipeline.open_session(file, workspace, reporter=listener))
    if as_json:
        findings = [asdict(finding) for finding in verified.findings]
        value = {"files": verified.files, "bytes": verified.bytes, "findings": findings}
        unread = [{"path": place, "why": why} for place, why in verified.unread]
        output.emit_json("verify", value | {"looked": dict(verified.looked), "not_looked_into": unread})
    else:
        _emit_findings(verified.findings)
        _emit_looked(verified.looked, verified.unread)
        output.emit(f"{verified.files:,} files hashed ({output.size(verified.bytes)}), {len(verified.findings):,} findings")
    return EXIT_FINDINGS if verified.findings else EXIT_DONE


def _bundle(path: Path, key: Path | None, *, as_json: bool) -> int:
    from acquisition import pipeline

    with reporter(quiet=as_json) as listener:
        checked = pipeline.verify_bundle(path, key, listener)
    if as_json:
        output.emit_json("verify", {"bundle": str(path)} | asdict(checked))
    else:
        _emit_findings(checked.findings)
        signed = f"signature {checked.signature}" + (f" (key {checked.key})" if checked.key else "")
        counted = f"{checked.files:,} files hashed ({output.size(checked.bytes)}), {len(checked.findings):,} findings"
        output.emit(f"{checked.name} {checked.version}: {counted}, {signed}")
    return EXIT_FINDINGS if checked.findings else EXIT_DONE


def _emit_findings(findings: Sequence[Finding]) -> None:
    for finding in findings[:_FINDINGS]:
        expected = f" expected sha256:{finding.expected}" if finding.expected else ""
        got = f", got sha256:{finding.got}" if finding.got else ""
        output.emit(f"{finding.code}: {finding.path}{expected}{got}" + (f" ({finding.detail})" if finding.detail else ""))
    if len(findings) > _FINDINGS:
        rest = Counter(finding.code for finding in findings[_FINDINGS:])
        told = ", ".join(f"{count:,} {code}" for code, count in rest.most_common())
        output.emit(f"and {len(findings) - _FINDINGS:,} more: {told} (--json lists them)")


def _emit_looked(looked: Mapping[str, int], unread: Sequence[tuple[str, str]]) -> None:
    """Say what the tombstones were held against, and of which places nothing is claimed."""
    if not looked:
        return
    for place, why in unread[:_SHOWN]:
        output.emit(f"not looked into: {place} ({why})")
    if len(unread) > _SHOWN:
        output.emit(f"not looked into: {len(unread) - _SHOWN:,} more places (--json lists them)")
    output.emit(
        f"{looked['tombstones']:,} tombstones held against {looked['files']:,} files ({output.size(looked['bytes'])}), "
        f"{looked['members']:,} members of archives, {looked['rows']:,} rows and {looked['records']:,} WARC records; "
        f"{len(unread):,} places could not be looked into"
    )
