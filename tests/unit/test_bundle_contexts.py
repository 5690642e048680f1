"""The JSON-LD contexts of a bundle: nothing in it needs the network to be understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rdflib
from spdx_python_model import v3_0_1 as spdx

from acquisition import bundle
from acquisition.bundle import spdx_context
from acquisition.bundle.contexts import contexts
from tests.unit.test_bundle import inputs, made

_MODEL = "https://spdx.org/rdf/3.0.1/terms"


def _official() -> dict[str, str]:
    """Return term → address of all classes, properties and individuals, as the bindings were made from the model."""
    found: dict[str, str] = {}
    kinds = [kind for kind in vars(spdx).values() if isinstance(kind, type) and issubclass(kind, spdx.SHACLObject)]
    for kind in kinds:
        found |= kind.NAMED_INDIVIDUALS
        if not (kind.IS_ABSTRACT or issubclass(kind, spdx.SHACLExtensibleObject)):
            one = kind()
            found[str(one.get_compact_type())] = str(one.get_type())
            found |= {compact: iri for _, iri, compact in one.property_keys() if compact}
    return found


def test_every_term_of_ours_is_the_model_s() -> None:
    """No term of our context means anything else than in SPDX 3.0.1, and words lie below an enumeration of the model."""
    official = _official()
    terms = {name: told for name, told in spdx_context.context()["@context"].items() if name not in {"spdxId", "type"}}
    for name, told in terms.items():
        known = official["NoAssertionLicense"] if name.endswith("NoAssertionLicense") else official[name]
        assert (told["@id"] if isinstance(told, dict) else told) == known, name
        words = told.get("@context", {}).get("@vocab", "") if isinstance(told, dict) else ""
        assert not words or words.endswith("/Core/Element/") or any(one.startswith(words) for one in official.values()), name


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # rdflib 7.6.0 upon itself
def test_the_document_expands_without_a_network(tmp_path: Path) -> None:
    """With the context of the bundle in place of the address, every statement of the document has the model's addresses."""
    done = bundle.write(inputs(made(tmp_path)), tmp_path / "out", as_tar=False)
    assert done.contexts == ()
    (told,) = json.loads((tmp_path / "out" / "contexts.json").read_bytes())
    assert (told["url"], told["named_by"]) == ("https://spdx.org/rdf/3.0.1/spdx-context.jsonld", ["spdx.json"])
    document = json.loads((tmp_path / "out" / "manifest" / "spdx.json").read_bytes())
    document["@context"] = json.loads((tmp_path / "out" / told["file"]).read_bytes())["@context"]
    graph = rdflib.Graph().parse(data=json.dumps(document), format="json-ld")
    (main,) = graph.objects(None, rdflib.URIRef(f"{_MODEL}/Core/rootElement"))
    said = {str(one): str(value) for one, value in graph.predicate_objects(main)}
    assert said[str(rdflib.RDF.type)] == f"{_MODEL}/Dataset/DatasetPackage"
    assert said[f"{_MODEL}/Dataset/hasSensitivePersonalInformation"] == f"{_MODEL}/Core/PresenceType/noAssertion"
    assert said[f"{_MODEL}/Software/primaryPurpose"] == f"{_MODEL}/Software/SoftwarePurpose/data"
    assert {str(one) for one in graph.predicates()} - {str(rdflib.RDF.type)} <= set(_official().values())
    relations = set(graph.objects(None, rdflib.URIRef(f"{_MODEL}/Core/relationshipType")))
    assert rdflib.URIRef(f"{_MODEL}/Core/RelationshipType/hasConcludedLicense") in relations
    assert rdflib.URIRef(f"{_MODEL}/ExpandedLicensing/NoAssertionLicense") in set(graph.objects())
    assert len(graph) == sum(_statements(one) for one in document["@graph"])


def _statements(value: Any) -> int:
    """Count the statements that a value of the document makes: one for each value of each key but its own address."""
    if isinstance(value, dict):
        return sum(_statements(one) + isinstance(one, dict) for key, one in value.items() if key not in {"spdxId", "@id"})
    return sum(_statements(one) + isinstance(one, dict) for one in value) if isinstance(value, list) else 1


def test_what_nothing_stands_for_is_named(tmp_path: Path) -> None:
    """A context that nobody here knows, and terms of SPDX that ours does not define, are told and not glossed over."""
    (tmp_path / "other.json").write_text(json.dumps({"@context": "https://example.org/context", "name": "x"}))
    (tmp_path / "spdx.json").write_text(json.dumps({"@context": spdx_context.ADDRESS, "@graph": [{"type": "ai_AIPackage"}]}))
    (tmp_path / "broken.json").write_text("{")
    other, spdx = contexts(tmp_path)
    assert (other["file"], other["named_by"]) == ("", ["other.json"])
    assert (spdx["file"], "ai_AIPackage" in spdx["why"]) == ("", True)
