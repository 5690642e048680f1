"""What exists is documented, and what is documented exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acquisition import plugins
from acquisition.cli import COMMANDS
from acquisition.errors import AcquisitionError

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def errors(kind: type[AcquisitionError] = AcquisitionError) -> list[type[AcquisitionError]]:
    """Every error class of ours."""
    found = [kind]
    for child in kind.__subclasses__():
        found += errors(child)
    return [error for error in found if error.__module__ == "acquisition.errors"]


def first_cells(page: str) -> set[str]:
    """The codes in the first column of a page's tables."""
    return set(re.findall(r"^\| *`([^`]+)`", (DOCS / page).read_text(), re.MULTILINE))


def test_every_error_is_explained_and_nothing_else_is() -> None:
    """docs/errors.md lists exactly the codes of the tree, with the scope and exit code that they have."""
    text = (DOCS / "errors.md").read_text()
    for error in errors():
        assert f"| `{error.code}` | {error.scope} | {error.exit_code} |" in text, error.code
    assert first_cells("errors.md") == {error.code for error in errors()}
    assert len({error.code for error in errors()}) == len(errors())


def test_every_flag_is_explained() -> None:
    """docs/flags.md names every code that a filter declares, and no other."""
    declared = {code for name in plugins.registered(plugins.FILTERS) for code in plugins.filter_class(name).codes}
    assert first_cells("flags.md") == declared


@pytest.mark.parametrize(
    ("group", "page"),
    [
        (plugins.SOURCES, "sources-yaml.md"),
        (plugins.FILTERS, "sources-yaml.md"),
        (plugins.LAYOUTS, "sources-yaml.md"),
        (plugins.EXPORTERS, "manifest.md"),
        (plugins.SPIDERS, "write-a-spider.md"),
    ],
)
def test_every_plugin_is_documented(group: str, page: str) -> None:
    """Each registered name appears on the page that explains its kind."""
    text = (DOCS / page).read_text()
    assert [name for name in plugins.registered(group) if f"`{name}`" not in text] == []


def test_every_command_is_documented() -> None:
    """docs/cli.md has a heading for each command."""
    headings = set(re.findall(r"^## `acquire ([a-z]+)", (DOCS / "cli.md").read_text(), re.MULTILINE))
    assert headings == set(COMMANDS)


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link in the README and the docs points to a file that is there."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md"), ROOT / "benchmarks" / "README.md"]
    links = [(page, target) for page in pages for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())]
    relative = [(page, target) for page, target in links if "://" not in target and not target.startswith("mailto:")]
    assert [(page.name, target) for page, target in relative if not (page.parent / target).exists()] == []
