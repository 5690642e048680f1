"""What people write where a license should stand, and what it means."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.model import LicenseClaim, Vocabulary
from acquisition.rights.aliases import names
from acquisition.rights.creative_commons import from_address
from acquisition.rights.expressions import NOASSERTION, identifiers, parse
from acquisition.rights.licenses import conclude, name_of, normalise, url_of

RESERVED = "LicenseRef-contents-reserved"
DBCL = "LicenseRef-scancode-dbcl-1.0"


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ("CC0-1.0", "CC0-1.0"),
        ("CC-BY-SA-3.0", "CC-BY-SA-3.0"),
        ("CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("ODbL-1.0", f"ODbL-1.0 AND {RESERVED}"),
        ("DbCL-1.0", f"ODbL-1.0 AND {DBCL}"),
        ("copyright-authors", RESERVED),
        ("other", NOASSERTION),
        ("unknown", NOASSERTION),
        ("PDDL", "PDDL-1.0"),
        ("CC-BY-3.0-IGO", "CC-BY-3.0-IGO"),
        ("US-Government-Works", "LicenseRef-scancode-us-govt-public-domain"),
        ("CC-BY-NC-SA-3.0-IGO", "CC-BY-NC-SA-3.0-IGO"),
        ("CDLA-Permissive-1.0", "CDLA-Permissive-1.0"),
        ("ODC-BY-1.0", "ODC-By-1.0"),
        ("LGPL-3.0", "LGPL-3.0-only"),
        ("AGPL-3.0", "AGPL-3.0-only"),
        ("FDL-1.3", "GFDL-1.3-only"),
        ("EU-ODP-Legal-Notice", "LicenseRef-EU-ODP-Legal-Notice"),
        ("apache-2.0", "Apache-2.0"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("CC0: Public Domain", "CC0-1.0"),
        ("Attribution 4.0 International (CC BY 4.0)", "CC-BY-4.0"),
        ("Other (specified in description)", NOASSERTION),
        ("Data files © Original Authors", RESERVED),
        ("Database: Open Database, Contents: © Original Authors", f"ODbL-1.0 AND {RESERVED}"),
        ("Database: Open Database, Contents: Database Contents", f"ODbL-1.0 AND {DBCL}"),
        ("Attribution-NonCommercial-NoDerivatives 4.0 International (CC BY-NC-ND 4.0)", "CC-BY-NC-ND-4.0"),
        ("Community Data License Agreement - Sharing - Version 1.0", "CDLA-Sharing-1.0"),
        ("GPL 2", "GPL-2.0-only"),
        ("U.S. Government Works", "LicenseRef-scancode-us-govt-public-domain"),
    ],
)
def test_kaggle_codes_and_names(raw: str, expression: str) -> None:
    """Kaggle's codes and display names are read; its ODbL covers the database and not the contents."""
    assert normalise(raw, "kaggle") == expression


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ("DbCL", DBCL),
        ("DbCL-1.0", DBCL),
        ("DbCL v1.0", DBCL),
        ("ODbL-1.0 AND DbCL-1.0", f"ODbL-1.0 AND {DBCL}"),
        ("ODbL and DbCL", f"ODbL-1.0 AND {DBCL}"),
        ("Database: ODbL, Contents: DbCL", f"ODbL-1.0 AND {DBCL}"),
    ],
)
def test_the_license_of_contents_is_not_lost_beside_the_databases(raw: str, expression: str) -> None:
    """The short names of the Database Contents License are read, alone and beside the ODbL."""
    assert normalise(raw, "prose") == expression


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ("mit", "MIT"),
        ("odc-by", "ODC-By-1.0"),
        ("odbl", "ODbL-1.0"),
        ("pddl", "PDDL-1.0"),
        ("c-uda", "C-UDA-1.0"),
        ("lgpl-lr", "LGPLLR"),
        ("cc", "LicenseRef-family-cc"),
        ("gpl", "LicenseRef-family-gpl"),
        ("lgpl", "LicenseRef-family-lgpl"),
        ("gfdl", "LicenseRef-family-gfdl"),
        ("bsd", "LicenseRef-family-bsd"),
        ("openrail", "LicenseRef-family-openrail"),
        ("llama3.1", "LicenseRef-scancode-llama-3.1-license-2024"),
        ("gemma", "LicenseRef-Gemma"),
        ("unknown", NOASSERTION),
        ("cc-by-2.0", "CC-BY-2.0"),
        ("bsl-1.0", "BSL-1.0"),
        ("etalab-2.0", "etalab-2.0"),
        ("gpl-3.0", "GPL-3.0-only"),
    ],
)
def test_hub_tags(raw: str, expression: str) -> None:
    """The Hub's tags are read; a family without a version stays a family."""
    assert normalise(raw, "huggingface") == expression


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ("Creative Commons Attribution 4.0 International License", "CC-BY-4.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("cc-by 4.0", "CC-BY-4.0"),
        ("This work is licensed under a Creative Commons Attribution-ShareAlike 3.0 Unported License.", "CC-BY-SA-3.0"),
        ("CC BY-NC-SA", "LicenseRef-family-cc-by-nc-sa"),
        ("Attribution", "LicenseRef-family-cc-by"),
        ("Attribution NonCommercial", "LicenseRef-family-cc-by-nc"),
        ("Sampling+", "LicenseRef-scancode-cc-sampling-plus-1.0"),
        ("Creative Commons 0", "CC0-1.0"),
        ("CC BY-SA 3.0 DE", "CC-BY-SA-3.0-DE"),
        ("CC BY 3.0 Scotland", "CC-BY-3.0"),
        ("CC BY 4.1", NOASSERTION),
        ("CC BY 3.0/4.0", NOASSERTION),
        ("CC BY-SA-ND 4.0", NOASSERTION),
        ("by-nc-sa", "LicenseRef-family-cc-by-nc-sa"),
        ("The MIT License (MIT)", "MIT"),
        ("MIT Licence", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache 2", "Apache-2.0"),
        ("Apache", "LicenseRef-family-apache"),
        ("GNU GPLv3", "GPL-3.0-only"),
        ("GPLv2+", "GPL-2.0-or-later"),
        ("GNU General Public License v3.0 or later", "GPL-3.0-or-later"),
        ('BSD 3-Clause "New" or "Revised" License', "BSD-3-Clause"),
        ("Open Data Commons Open Database License (ODbL) v1.0", "ODbL-1.0"),
        ("Public Domain", "LicenseRef-scancode-public-domain"),
        ("Public Domain Mark 1.0", "CC-PDM-1.0"),
        ("CDLA Permissive v2", "CDLA-Permissive-2.0"),
        ("All rights reserved.", RESERVED),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT or Apache 2.0", "MIT OR Apache-2.0"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("SPDX-License-Identifier: ISC", "ISC"),
        ("LicenseRef-Proprietary", "LicenseRef-Proprietary"),
        ("[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)", "CC-BY-4.0"),
        ('<a rel="license" href="http://creativecommons.org/licenses/by-sa/2.5/">some rights reserved</a>', "CC-BY-SA-2.5"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://spdx.org/licenses/Zlib.html", "Zlib"),
        ("http://www.gnu.org/licenses/old-licenses/gpl-2.0.en.html", "GPL-2.0-only"),
        ("https://cdla.io/sharing-1-0/", "CDLA-Sharing-1.0"),
        ("http://opendatacommons.org/licenses/odbl/1.0/", "ODbL-1.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://opendatacommons.org/licenses/by/1-0/index.html", "ODC-By-1.0"),
        ("", NOASSERTION),
        ("free to use", NOASSERTION),
        ("NONE", NOASSERTION),
        ("MIT-like", NOASSERTION),
        ("see LICENSE", NOASSERTION),
        ("Various", NOASSERTION),
        ("agreement", NOASSERTION),
        ("MIT AND something else", NOASSERTION),
    ],
)
def test_names_and_addresses(raw: str, expression: str) -> None:
    """Names are understood whole or not at all; a missing version is never filled in."""
    assert normalise(raw, "prose") == expression


@pytest.mark.parametrize(
    ("url", "identifier"),
    [
        ("http://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/4.0", "CC-BY-4.0"),
        ("https://www.creativecommons.org/licenses/by-nc-sa/2.0/uk/", "CC-BY-NC-SA-2.0-UK"),
        ("//creativecommons.org/licenses/by-nd-nc/1.0", "CC-BY-NC-ND-1.0"),
        ("creativecommons.org/licenses/by/3.0/deed.de", "CC-BY-3.0"),
        ("https://creativecommons.org/licenses/by/4.0/legalcode]", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/deed.zh_TW", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by-sa/2.1/jp/", "CC-BY-SA-2.1-JP"),
        ("https://creativecommons.org/licenses/by/3.0/kr/deed.en", "CC-BY-3.0"),
        ("http://creativecommons.org/licenses/BY/4.0/", "CC-BY-4.0"),
        ("http://creativecommons.org/licenses/sampling%2B/1.0/", "LicenseRef-scancode-cc-sampling-plus-1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/deed.en", "CC-PDM-1.0"),
        ("http://creativecommons.org/licenses/publicdomain/", "CC-PDDC"),
        ("https://creativecommons.org/share-your-work/public-domain/cc0/", "CC0-1.0"),
        ("https://creativecommons.org/licenses/by/", "LicenseRef-family-cc-by"),
        ("https://creativecommons.org/licenses/sa/1.0/", "CC-SA-1.0"),
        ("https://creativecommons.org/licenses/by/4.0/).", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/?ref=chooser-v1#x", "CC-BY-4.0"),
        ("https://creativecommons.org/", None),
        ("https://creativecommons.org@evil.example/licenses/by/4.0/", None),
        ("https://creativecommons.org.evil.example/licenses/by/4.0", None),
        ("https://evil.example/?u=creativecommons.org/licenses/by/4.0/", None),
        ("https://creativecommons.org/licenses/by/4.01/", None),
        ("https://creativecommons.org/licenses/by-sa-nd/4.0/", None),
        ("https://creativecommons.org/licenses/by/4.0/foo/bar", None),
        ("https://creativecommons.org/licenses/by/9.0/", None),
    ],
)
def test_creative_commons_addresses(url: str, identifier: str | None) -> None:
    """One reader takes every spelling of the addresses, and nothing that only looks like one."""
    found = from_address(url)
    assert (found.identifier if found else None) == identifier


def test_a_jurisdiction_without_identifier_is_a_remark() -> None:
    """A port that SPDX does not list gives the unported license, and the jurisdiction is told."""
    found = from_address("https://creativecommons.org/licenses/by/3.0/kr/")
    assert found is not None
    assert "kr" in found.remark


def claim(*raw: str, vocabulary: Vocabulary = "huggingface", name: str = "", link: str = "") -> LicenseClaim:
    """Return a claim of a data set."""
    return LicenseClaim(raw=raw, vocabulary=vocabulary, name=name, link=link)


def test_a_list_is_and_and_wants_review() -> None:
    """Several licenses apply together; nobody says which part has which, so a person should look."""
    found = conclude(claim("cc-by-sa-3.0", "gfdl"))
    assert found.concluded == "CC-BY-SA-3.0 AND LicenseRef-family-gfdl"
    assert found.review
    assert conclude(claim("mit", "MIT")).review is False


def test_a_list_with_an_unreadable_part_is_not_known() -> None:
    """One "other" in a list makes the whole unknown, yet what the other parts forbid stays forbidden."""
    found = conclude(claim("cc-by-nc-4.0", "other"))
    assert (found.declared, found.concluded, found.training, found.commercial) == (NOASSERTION, NOASSERTION, "unknown", "no")


def test_other_is_followed_to_name_and_link() -> None:
    """The word "other" says nothing; the name and the link beside it may, and what was looked at is told."""
    by_name = conclude(claim("other", name="Creative Commons Attribution 4.0"))
    by_link = conclude(claim("other", name="our license", link="https://creativecommons.org/licenses/by-nc/4.0/"))
    neither = conclude(claim("other", name="agreement", link="LICENSE"))
    assert (by_name.declared, by_name.concluded) == (NOASSERTION, "CC-BY-4.0")
    assert by_link.concluded == "CC-BY-NC-4.0"
    assert neither.concluded == NOASSERTION
    assert any("agreement" in reason for reason in neither.reasons)
    assert any("LICENSE" in reason for reason in neither.reasons)


def test_the_link_gives_the_version() -> None:
    """The word "Attribution" with a link to version 3.0 is CC-BY-3.0, and nobody has to look."""
    found = conclude(claim("Attribution", vocabulary="prose", link="http://creativecommons.org/licenses/by/3.0/"))
    assert (found.declared, found.concluded, found.review) == ("LicenseRef-family-cc-by", "CC-BY-3.0", False)


def test_contradictions_apply_together() -> None:
    """Where tag and name disagree both apply, and a person should look."""
    found = conclude(claim("cc-by-4.0", name="CC BY-NC 4.0"))
    assert set(identifiers(found.concluded)) == {"CC-BY-4.0", "CC-BY-NC-4.0"}
    assert (found.commercial, found.review) == ("no", True)


def test_words_around_an_address_want_review() -> None:
    """Prose is not interpreted: an address inside other words counts, and a person should look."""
    found = conclude(claim("Most photos are https://creativecommons.org/licenses/by/4.0/ but not all", vocabulary="prose"))
    assert (found.concluded, found.review) == ("CC-BY-4.0", True)


def test_every_alias_names_a_license() -> None:
    """Each row of our table is an expression that SPDX accepts, and there are no fewer rows than the reference asks for."""
    table = names()
    assert len(table) > 250
    assert [name for name, expression in table.items() if parse(expression) != expression] == []


@given(st.text(max_size=200))
def test_hostile_text_is_read_without_a_crash(text: str) -> None:
    """Whatever stands there, the answer is an expression that SPDX accepts, or NOASSERTION."""
    found = normalise(text, "prose")
    assert found == NOASSERTION or parse(found) == found


@given(st.sampled_from(["MIT", "CC-BY-4.0", "ODbL-1.0", "GPL-3.0-only"]), st.sampled_from(["{}", " {} ", "{}\n", "\t{}"]))
def test_reading_twice_changes_nothing(identifier: str, frame: str) -> None:
    """What was read is read as itself again; space around it does not matter."""
    once = normalise(frame.format(identifier), "spdx")
    assert normalise(once, "spdx") == once == identifier


def test_names_and_pages_of_licenses() -> None:
    """Well-known licenses have a name and their own page; what nobody knows has neither."""
    assert url_of("CC-BY-4.0") == "https://creativecommons.org/licenses/by/4.0/"
    assert url_of("CC-BY-3.0-DE") == "https://creativecommons.org/licenses/by/3.0/de/"
    assert url_of("MIT") == "https://spdx.org/licenses/MIT.html"
    assert url_of("LicenseRef-of-my-own") == ""
    assert name_of("CC-BY-NC-SA-4.0") == "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International"
    assert name_of("LicenseRef-of-my-own") == "LicenseRef-of-my-own"


# --- the hubs' own lists ------------------------------------------------------------------------------------------------


def test_every_license_of_the_hub_is_known(shared_data: Path) -> None:
    """All tags of the Hub's list are read, except the two that say nothing, and so are all full names."""
    text = (shared_data / "huggingface" / "reference" / "repositories-licenses.md").read_text()
    rows = re.findall(r"^\| (.+?)\s*\| `([^`]+)`", text, re.MULTILINE)
    assert len(rows) > 70
    unread = [tag for _, tag in rows if normalise(tag, "huggingface") == NOASSERTION]
    assert unread == ["unknown", "other"]
    names_unread = [
        name for name, tag in rows if tag not in unread and normalise(name.replace("\\", ""), "prose") == NOASSERTION
    ]
    assert names_unread == []


def test_every_license_of_kaggle_is_known(shared_data: Path) -> None:
    """All 28 codes of Kaggle's list are read; two of them say nothing."""
    text = (shared_data / "kaggle" / "metadata_examples" / "KAGGLE_datasets_metadata.md").read_text()
    codes = re.findall(r"^\* `([^`]+)`:", text.split("## Licenses")[1].split("## Data types")[0], re.MULTILINE)
    assert len(codes) == 28
    assert [code for code in codes if normalise(code, "kaggle") == NOASSERTION] == ["other", "unknown"]


def test_the_cards_of_real_data_sets(shared_data: Path) -> None:
    """Of 83 real cards each license that says something is understood; the rest is NOASSERTION with a reason."""
    with (shared_data / "huggingface" / "cards" / "INDEX.tsv").open() as stream:
        rows = list(csv.reader(stream, delimiter="\t", quotechar=None, quoting=csv.QUOTE_NONE))[1:]
    said = {name: json.loads(value) for name, value in rows if value.startswith("[")}
    found = {name: conclude(claim(*tags)) for name, tags in said.items()}
    silent = {"other", "unknown"}
    assert {name for name, one in found.items() if one.concluded == NOASSERTION} == {
        name for name, tags in said.items() if silent & set(tags)
    }
    assert all(one.reasons for one in found.values())
    assert all(one.review for name, one in found.items() if len(said[name]) > 1)


def test_the_official_list_reads_as_itself(shared_data: Path) -> None:
    """Nearly every current identifier of the SPDX list is read as itself; one goes under ScanCode's name, none as another."""
    listed = json.loads((shared_data / "licenses" / "spdx" / "licenses.json").read_text())["licenses"]
    current = [entry["licenseId"] for entry in listed if not entry["isDeprecatedLicenseId"]]
    read = {identifier: normalise(identifier, "spdx") for identifier in current}
    renamed = {one: expression for one, expression in read.items() if expression not in {one, NOASSERTION}}
    assert renamed == {"OpenMDW-1.0": "LicenseRef-scancode-openmdw-1.0"}
    unread = [one for one, expression in read.items() if expression == NOASSERTION]
    assert len(unread) < len(current) / 20  # newer than the installed list


def test_the_licenses_of_a_sound_archive(shared_data: Path) -> None:
    """Freesound's names alone are families, with their addresses they have a version."""
    fixture = json.loads((shared_data / "licenses" / "dataset_license_files" / "freesound_licenses_fixture.json").read_text())
    found = {
        entry["fields"]["name"]: conclude(claim(entry["fields"]["name"], vocabulary="prose", link=entry["fields"]["deed_url"]))
        for entry in fixture
    }
    assert {name: one.concluded for name, one in found.items()} == {
        "Sampling+": "LicenseRef-scancode-cc-sampling-plus-1.0",
        "Creative Commons 0": "CC0-1.0",
        "Attribution": "CC-BY-4.0",
        "Attribution NonCommercial": "CC-BY-NC-4.0",
    }
    assert not any(one.review for one in found.values())


def test_addresses_met_on_real_pages(shared_data: Path) -> None:
    """Every Creative Commons address that was found on real pages is read, or names no license."""
    with (shared_data / "web_pages" / "trafilatura-eval" / "license_markup.tsv").open() as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    addresses = {url.strip() for row in rows for url in row["cc_urls_found"].split() if "/licenses/by" in url or "zero" in url}
    assert len(addresses) > 10
    assert [url for url in sorted(addresses) if from_address(url) is None] == []


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ("GNU GPLv3+", "GPL-3.0-or-later"),
        ("GNU LGPL 2.1+", "LGPL-2.1-or-later"),
        ("GNU Affero General Public License v3+", "AGPL-3.0-or-later"),
        ("GPL2+", "GPL-2.0-or-later"),
        ("LGPL3", "LGPL-3.0-only"),
        ("GPL or MIT", "LicenseRef-family-gpl OR MIT"),
        ("GPLv2 with Classpath exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("Apache 2.0 with LLVM exception", "Apache-2.0 WITH LLVM-exception"),
        ("MIT/X11", "MIT"),
        ("apache2.0", "Apache-2.0"),
        ("https://www.etalab.gouv.fr/licence-ouverte-open-licence", "LicenseRef-family-etalab"),
        ("https://data.norge.no/nlod/no/1.0", "NLOD-1.0"),
    ],
)
def test_later_versions_and_exceptions_are_kept(raw: str, expression: str) -> None:
    """A plus is never lost, a bare GPL has no version, and an exception belongs to its license."""
    assert normalise(raw, "prose") == expression


def test_permission_for_research_alone_asks_for_a_person() -> None:
    """Words that permit research name no license."""
    assert conclude(LicenseClaim(raw=("Free for research use only",), vocabulary="prose")).review
