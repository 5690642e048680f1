"""`acquire verify`: is the curated set still what the manifest says."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from acquisition.cli import output
from acquisition.cli.run import common, declared
from acquisition.errors import EXIT_DONE, EXIT_FINDINGS


@click.command("verify")
@declared
@common
def command(*, file: Path, workspace: Path | None, as_json: bool, debug: bool) -> int:
    """Hash every file of the curated set again and compare it with the manifest. Exit code 1 when something differs."""
    del debug
    from acquisition import pipeline

    verified = pipeline.verify(pipeline.open_session(file, workspace))
    if as_json:
        findings = [asdict(finding) for finding in verified.findings]
        output.emit_json("verify", {"files": verified.files, "bytes": verified.bytes, "findings": findings})
    else:
        for finding in verified.findings:
            expected = f" expected sha256:{finding.expected}" if finding.expected else ""
            output.emit(f"{finding.code}: {finding.path}{expected}" + (f", got sha256:{finding.got}" if finding.got else ""))
        output.emit(f"{verified.files:,} files hashed ({output.size(verified.bytes)}), {len(verified.findings):,} findings")
    return EXIT_FINDINGS if verified.findings else EXIT_DONE
