"""`acquire bundle`: the set with all its papers, in one piece."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from acquisition.cli import output
from acquisition.cli.progress import reporter
from acquisition.cli.run import common, declared
from acquisition.errors import EXIT_DONE, EXIT_REFUSED

if TYPE_CHECKING:  # Arrow is heavy; it is loaded when the command runs
    from acquisition.bundle import Bundled


@click.command("bundle")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Default: NAME-VERSION beside the declaration.")
@click.option("--tar", "as_tar", is_flag=True, help="Write one plain tar instead of a directory.")
@click.option("--sign", "key", type=click.Path(path_type=Path, dir_okay=False), help="A private ed25519 key in PEM.")
@click.option("--only-manifest", is_flag=True, help="The papers alone, without the set's bytes.")
@click.option("--force", is_flag=True, help="Replace a bundle that stands there.")
@declared
@common
def command(
    *,
    target: Path | None,
    as_tar: bool,
    key: Path | None,
    only_manifest: bool,
    force: bool,
    file: Path,
    workspace: Path | None,
    as_json: bool,
    debug: bool,
) -> int:
    """Write the curated set, its manifest, evidence, lock and decisions as one directory or tar that is verified anywhere.

    What may not be passed on is left out and named with its reason; then the exit code is 5. `acquire verify PATH` checks it.
    """
    del debug
    from acquisition import pipeline

    options = pipeline.BundleOptions(target, as_tar=as_tar, key=key, only_manifest=only_manifest, force=force)
    with reporter(quiet=as_json) as listener:
        done = pipeline.write_bundle(pipeline.open_session(file, workspace, reporter=listener), options)
    if as_json:
        output.emit_json("bundle", asdict(done))
    else:
        output.emit(_text(done, only_manifest=only_manifest))
    return EXIT_REFUSED if done.not_included and not only_manifest else EXIT_DONE


def _text(done: Bundled, *, only_manifest: bool) -> str:
    lines = [f"{done.path}: {done.files:,} files, {output.size(done.bytes)}"]
    lines.append(f"{done.included:,} of {done.kept:,} kept items are in it" + (": the papers alone" if only_manifest else ""))
    if not done.kept:
        lines.append(done.notes[-1])
    if done.not_included and not only_manifest:
        lines.append("\nnot included (not-included.jsonl in the bundle names each of them):")
        rows = [(f"  {count:,}", why) for why, count in done.not_included.items()]
        lines.append(output.table(rows, ("  items", "why"), right=frozenset({0})))
        if done.files_left_out or done.files_reduced:
            lines.append(
                f"  files of the set: {done.files_left_out:,} left out, {done.files_reduced:,} without some of their rows"
            )
    if done.contexts:
        lines.append(f"\nnamed and not included: {', '.join(done.contexts)} (contexts.json)")
    lines.append(f"\nSHA256SUMS has the digest {done.sha256}")
    lines.append(f"signed by the key {done.signed_by}" if done.signed_by else "not signed (--sign KEY)")
    return "\n".join(lines)
