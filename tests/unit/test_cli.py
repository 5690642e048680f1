"""The command line itself: help, exit codes, one JSON document, and nothing heavy before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acquisition import errors
from acquisition.cli import COMMANDS, cli, output, present
from acquisition.cli.run import run

HEAVY = {"scrapy", "twisted", "presidio_analyzer", "spacy", "datasets", "requests", "pycurl", "kagglesdk", "huggingface_hub"}
BULKY = {"pyarrow", "pydantic", "numpy"}
SMALL = """\
version: 1
dataset: {name: garden}
limits: {disk_reserve: 0}
sources:
  shed: {kind: local, path: shed, license: {declared: CC0-1.0}, items: {as: files}}
"""


@pytest.fixture
def garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a declaration of two text files, and this process inside it."""
    (tmp_path / "shed").mkdir()
    for name in ("rake", "spade"):
        (tmp_path / "shed" / f"{name}.txt").write_text(f"The {name} leans against the wall behind the shed.", encoding="utf-8")
    (tmp_path / "sources.yaml").write_text(SMALL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the only thing on stdout, which has to be one JSON document with a version."""
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert value["schema_version"] == 1
    return value


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`acquire COMMAND --help` ends with 0 and names --json and --debug."""
    assert run(cli, [name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert "--debug" in shown


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`acquire --help` ends with 0 and lists all commands."""
    assert run(cli, ["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name}" in shown for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], HEAVY | BULKY),
        (["--version"], HEAVY | BULKY),
        (["plan", "--help"], HEAVY | BULKY),
        (["fetch", "--help"], HEAVY),
    ],
)
def test_help_loads_nothing_heavy(arguments: list[str], unwanted: set[str]) -> None:
    """Help and version start without any of the heavy libraries (commands with progress need the contracts' own)."""
    code = (
        "import sys, json\nfrom acquisition.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert "click" in loaded
    assert loaded & unwanted == set()


def test_settings_of_filters_load_nothing_heavy() -> None:
    """Reading a declaration and a run with nothing to do name every filter's class, and must not pay for what it works with."""
    code = (
        "import sys, json\nfrom acquisition import plugins\n"
        "found = [plugins.filter_class(name).Settings() for name in plugins.registered(plugins.FILTERS)]\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "presidio_analyzer",
        "spacy",
        "PIL",
        "soundfile",
        "onnxruntime",
        "cleanlab",
        "py3langid",
        "ftfy",
        "hyperscan",
        "rensa",
    }
    assert set(json.loads(done.stdout)) & heavy == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--what"],
        ["prune"],
        ["fetch", "--what"],
        ["fetch", "--until", "dinner"],
        ["fetch", "--workers", "-1"],
        ["explain"],
        ["crawl"],
        ["plan", "--update"],
        ["fetch", "nobody"],
        ["fetch", "--update", "nobody"],
        ["plan", "nobody"],
        ["manifest", "--format", "nothing"],
        ["explain", "nothing-like-this"],
        ["check", "-f", "absent.yaml"],
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_cannot_be_meant_is_a_usage_error(
    arguments: list[str], as_json: bool, garden: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unknown options, commands, values, sources and formats end with 2; stdout is empty, or holds the error as JSON."""
    assert run(cli, [*arguments, *(["--json"] if as_json else [])]) == 2
    if as_json:
        value = document(capsys)
        assert (value["kind"], value["exit_code"]) == ("error", 2)
        assert value["error"]["code"] in {"usage", "declaration"}
        assert value["error"]["message"]
        return
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err
    assert "Traceback" not in shown.err


def test_every_command_prints_one_document(garden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json each command writes exactly one document to stdout, whose kind says which."""
    kinds = {
        ("check",): "check",
        ("plan",): "plan",
        ("fetch", "--workers", "1"): "summary",
        ("curate",): "summary",
        ("manifest",): "manifest",
        ("status",): "status",
        ("verify",): "verify",
        ("explain", "rake.txt"): "explain",
        ("kinds",): "kinds",
        ("schema",): "schema",
        ("init", "elsewhere"): "init",
    }
    for arguments, kind in kinds.items():
        assert run(cli, [*arguments, "--json"]) == 0, arguments
        assert document(capsys)["kind"] == kind


def test_a_crawl_of_what_is_no_spider_is_said(garden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`acquire crawl` on a source that is not crawled is told apart from a crawl that found nothing."""
    assert run(cli, ["crawl", "shed", "--json"]) == 2
    assert document(capsys)["error"]["code"] == "usage"


def test_a_mistake_of_ours_shows_no_traceback(
    garden: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected exception ends with 3, one line and the way to see more; --debug gives the traceback."""

    def broken(_session: object) -> None:
        raise RuntimeError("the floor is wet")

    monkeypatch.setattr("acquisition.pipeline.status", broken)
    assert run(cli, ["status"]) == 3
    shown = capsys.readouterr().err
    assert "the floor is wet" in shown
    assert "Traceback" not in shown
    assert run(cli, ["status", "--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err
    assert run(cli, ["status", "--json"]) == 3
    assert document(capsys)["error"]["code"] == "defect"


def test_an_error_has_its_traceback_only_with_debug(garden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A known error is shown once, with code, place and hint; the traceback comes with --debug alone."""
    assert run(cli, ["verify"]) == 3
    shown = capsys.readouterr().err
    assert "error[workspace-damaged]" in shown
    assert "hint:" in shown
    assert "Traceback" not in shown
    assert run(cli, ["verify", "--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_all_problems_of_a_declaration_come_together(garden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A declaration with several mistakes is refused with all of them, each with its line and column."""
    (garden / "sources.yaml").write_text(SMALL.replace("path: shed", "pat: shed").replace("name: garden", "nam: garden"))
    assert run(cli, ["check", "--json"]) == 2
    problems = document(capsys)["error"]["problems"]
    assert {problem["line"] for problem in problems} >= {2, 5}
    assert all(problem["file"].endswith("sources.yaml") and problem["column"] >= 1 for problem in problems)
    assert run(cli, ["check"]) == 2
    shown = capsys.readouterr().err
    assert all(f"{problem['line']}:{problem['column']}" in shown for problem in problems)


def test_init_leaves_an_existing_declaration_alone(garden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`acquire init` writes what `acquire check` accepts, and never over something that is there."""
    assert run(cli, ["init", "fresh"]) == 0
    assert run(cli, ["check", "-f", "fresh/sources.yaml"]) == 0
    before = (garden / "sources.yaml").read_bytes()
    assert run(cli, ["init"]) == 2
    assert (garden / "sources.yaml").read_bytes() == before


def test_init_writes_a_spider_that_runs(garden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`acquire init --spider` writes one that the crawler finds, never over a file, and only under a name a module can have."""
    from acquisition.crawl.engine.finder import find_spider

    assert run(cli, ["init", "--spider", "owl_calls"]) == 0
    assert find_spider("owl_calls", garden).__name__ == "OwlCallsSpider"
    written = (garden / "spiders" / "owl_calls.py").read_bytes()
    assert run(cli, ["init", "--spider", "owl_calls"]) == 2
    assert (garden / "spiders" / "owl_calls.py").read_bytes() == written
    assert run(cli, ["init", "--spider", "../owl"]) == 2
    assert not (garden / "owl.py").exists()


def test_the_decisive_flag_is_in_the_first_line() -> None:
    """`acquire explain` says what happened and the flag that decided before anything else."""
    entry = {"id": "ab12", "outcome": "drop", "code": "duplicate.exact", "rule": "duplicate.* -> drop", "why": "", "flags": []}
    first = present.entry_text(entry).splitlines()[0]
    assert "drop" in first
    assert "duplicate.exact" in first
    assert "duplicate.* -> drop" in first


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "?"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (99_600, "100 kB"),
        (999_600, "1.0 MB"),
        (10**15, "1,000.0 TB"),
    ],
)
def test_sizes_are_short(count: int | None, text: str) -> None:
    """Bytes are shown in units of 1000 with three digits at most below a terabyte."""
    assert output.size(count) == text


def test_exit_codes_of_errors() -> None:
    """Each family of errors ends a command with the code that the documents promise."""
    made = {
        errors.DeclarationError: 2,
        errors.UsageError: 2,
        errors.DiskFull: 3,
        errors.WorkspaceLocked: 3,
        errors.SourceNotFound: 3,
        errors.DigestMismatch: 3,
        errors.CredentialsMissing: 4,
        errors.TermsNeeded: 4,
        errors.LicenseRefused: 5,
        errors.LimitReached: 5,
        errors.NotInLock: 5,
        errors.Interrupted: 130,
    }
    assert {kind: kind("x").exit_code for kind in made} == made
