"""docs/add-a-source.md is true: its example is built, and its own contract test passes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "add-a-source.md"


def _files(language: str) -> dict[str, str]:
    """Return the guide's code blocks that begin with a comment naming their file."""
    blocks = re.findall(rf"```{language}\n# (\S+)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return dict(blocks)


def test_the_guides_example_keeps_the_contract(tmp_path: Path) -> None:
    """The adapter and the tests that the guide prints run as they stand there."""
    files = _files("python")
    assert set(files) == {"acquisition_pond.py", "test_acquisition_pond.py"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


def test_the_guides_entry_point_names_its_class() -> None:
    """The entry point in the guide's pyproject.toml names the kind and the class that the guide writes."""
    project = tomllib.loads(_files("toml")["pyproject.toml"])
    points = project["project"]["entry-points"]["acquisition.sources"]
    assert points == {"pond": "acquisition_pond:Pond"}
    assert 'kind: ClassVar[str] = "pond"' in _files("python")["acquisition_pond.py"]


def test_the_guides_example_is_typed_and_clean(tmp_path: Path) -> None:
    """The example follows our own manners: ruff and mypy --strict find nothing in it."""
    file = tmp_path / "acquisition_pond.py"
    file.write_text(_files("python")["acquisition_pond.py"])
    pyproject = GUIDE.parents[1] / "pyproject.toml"
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", str(pyproject), "--ignore", "ARG002", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    command = [sys.executable, "-m", "mypy", "--config-file", str(pyproject), "--cache-dir", str(tmp_path / "cache"), str(file)]
    typed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=pyproject.parent)
    assert typed.returncode == 0, typed.stdout
