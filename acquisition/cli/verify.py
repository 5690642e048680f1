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
from acquisition.cli.sections import step_lines
from acquisition.cli.tables import columns
from acquisition.errors import EXIT_DONE, EXIT_FINDINGS, UsageError

if TYPE_CHECKING:  # Arrow is heavy; it is loaded when the command runs
    from acquisition.manifest import Finding

_SHOWN: Final = 20
_FINDINGS: Final = 200
"""Findings that are told one by one."""
_ANEW: Final = (
    "Run `acquire curate --anew`: it makes set and manifest anew from what is here. Where fetched files are gone as well, run "
    "`acquire fetch` first."
)
_RESTORE: Final = (
    "Restore the manifest from a copy or a bundle. Without one `acquire curate --anew` makes it anew, but for the history that "
    "only it told."
)
_RECORDS: Final = "Restore {paths} from version control or a copy: nothing makes such a record anew."
_AGAIN: Final = (
    "Run the same `acquire takedown` again: it takes out what is left, or was put back. What else somebody has put into the "
    "workspace by hand has to be deleted by hand."
)
_SIGNED: Final = "Do not trust this bundle: ask whoever made it for one that is signed by this key."
_WITHOUT: Final = "Do not pass this bundle on; `acquire bundle` writes one without what may not be."
_BUNDLE: Final = "Get the bundle anew from whoever made it, or write it again with `acquire bundle`; it cannot be mended."
_NEXT: Final[Mapping[str, str]] = {
    **dict.fromkeys(("verify.missing-file", "verify.changed-file", "verify.extra-file"), _ANEW),
    "verify.manifest-changed": _RESTORE,
    "verify.damaged-record": _RECORDS,
    **dict.fromkeys(("verify.taken-down-present", "verify.taken-down-named", "verify.takedown-unfinished"), _AGAIN),
    **dict.fromkeys(("bundle.not-signed", "bundle.wrong-signature"), _SIGNED),
    "bundle.not-redistributable": _WITHOUT,
}
"""What to do about a code; about a bundle's others, `_BUNDLE`."""


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
        told = {"looked": dict(verified.looked), "not_looked_into": unread, "next": next_of_findings(verified.findings)}
        output.emit_json("verify", value | told)
    else:
        _emit_findings(verified.findings)
        _emit_looked(verified.looked, verified.unread)
        output.emit(f"{verified.files:,} files hashed ({output.size(verified.bytes)}), {len(verified.findings):,} findings")
        _emit_next(verified.findings)
    return EXIT_FINDINGS if verified.findings else EXIT_DONE


def _bundle(path: Path, key: Path | None, *, as_json: bool) -> int:
    from acquisition import pipeline

    with reporter(quiet=as_json) as listener:
        checked = pipeline.verify_bundle(path, key, listener)
    if as_json:
        output.emit_json("verify", {"bundle": str(path)} | asdict(checked) | {"next": next_of_findings(checked.findings)})
    else:
        _emit_findings(checked.findings)
        signed = f"signature {checked.signature}" + (f" (key {checked.key})" if checked.key else "")
        counted = f"{checked.files:,} files hashed ({output.size(checked.bytes)}), {len(checked.findings):,} findings"
        output.emit(f"{checked.name} {checked.version}: {counted}, {signed}")
        _emit_next(checked.findings)
    return EXIT_FINDINGS if checked.findings else EXIT_DONE


def next_of_findings(findings: Sequence[Finding]) -> list[str]:
    """Return what to do about findings, a sentence or two for each kind that is among them, records first."""
    steps: dict[str, dict[str, None]] = {}
    for finding in findings:
        steps.setdefault(_NEXT.get(finding.code, _BUNDLE), {})[finding.path.split(":")[0]] = None
    order = sorted(steps, key=(_RECORDS, _RESTORE, _ANEW, _AGAIN, _SIGNED, _WITHOUT, _BUNDLE).index)
    return [step.format(paths=", ".join(steps[step])) for step in order]


def _emit_next(findings: Sequence[Finding]) -> None:
    if lines := step_lines(next_of_findings(findings), columns()):
        output.emit("\n".join(lines))


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
