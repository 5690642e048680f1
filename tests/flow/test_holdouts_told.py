"""An embargo that names a column no item has ends the run at its line, and the set before it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition.errors import DeclarationError
from acquisition.pipeline import curate, fetch, open_session, release_list
from tests.judged_shards import tree

pytestmark = pytest.mark.flow

DECLARED = """\
version: 1
dataset: {{name: set}}
sources:
  taba: {{kind: local, path: in, license: {{declared: CC0-1.0, owner: me}}, items: {{text: text, label: lab, keep: none}}}}
filters: {{adult: false, duplicates: false, llm_style: false, pii: false, quality: false, opt_out: false}}
curated:
  holdouts:
    secret: {{where: {where}, until: released}}
"""


def declare(root: Path, where: str) -> Path:
    """Write a declaration whose embargo asks for this, and return its path."""
    (root / "sources.yaml").write_text(DECLARED.format(where=where))
    return root / "sources.yaml"


def test_an_embargo_ends_the_run_or_is_told(tmp_path: Path) -> None:
    """The source's own name of the label holds its items back; a column of no item is refused; a value of no item is told."""
    (tmp_path / "in").mkdir()
    rows = "".join(f"the sentence number {n},{'abc'[n % 3]}\n" for n in range(9))
    (tmp_path / "in" / "table.csv").write_text(f"text,lab\n{rows}")
    summary = fetch(open_session(declare(tmp_path, "{lab: [c]}"), workers=1))
    assert any("'secret': 3 items are kept out of training, under embargo" in note for note in summary.notes)
    before = tree(tmp_path / "data" / "curated")
    with pytest.raises(DeclarationError, match="no kept item has a column 'nosuch'") as caught:
        curate(open_session(declare(tmp_path, "{nosuch: [c]}"), workers=1))
    assert caught.value.where == f"{tmp_path / 'sources.yaml'}:8:22"
    assert tree(tmp_path / "data" / "curated") == before
    assert "curated.holdouts.secret" not in {one.where for one in release_list(open_session(tmp_path / "sources.yaml"))}
    (tmp_path / "data" / "splits.parquet").unlink()
    curate(open_session(declare(tmp_path, "{lab: [z]}"), workers=1))
    found = {one.where: one.what for one in release_list(open_session(tmp_path / "sources.yaml"))}
    assert found["curated.holdouts.secret"].startswith("'secret' is under embargo and holds no item back")
