"""The words of Croissant, RAI, PROV and ODRL that we write, each from a closed list; nothing else may stand in a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_CR_TERMS: Final = (
    "annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileProperty fileObject "
    "fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex readLines "
    "repeated replace samplingRate sdVersion separator source subField transform unArchive value"
)
CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _CR_TERMS.split(" ")},
}
REQUIRED: Final = (
    "@context", "@type", "conformsTo", "description", "license", "name", "url", "creator", "datePublished", "distribution",
)  # fmt: skip
"""Properties that the specification asks for (section "Dataset-level information")."""
RAI: Final = frozenset(
    f"rai:{name}"
    for name in (
        "dataCollection", "dataCollectionType", "dataCollectionMissingData", "dataCollectionRawData",
        "dataCollectionTimeframe", "dataImputationProtocol", "dataManipulationProtocol", "dataPreprocessingProtocol",
        "dataAnnotationProtocol", "dataAnnotationPlatform", "dataAnnotationAnalysis", "dataReleaseMaintenancePlan",
        "personalSensitiveInformation", "dataSocialImpact", "dataBiases", "dataLimitations", "dataUseCases",
        "annotationsPerItem", "annotatorDemographics", "machineAnnotationTools",
    )
)  # fmt: skip
"""The twenty properties of Croissant RAI 1.0, as its table spells them."""
COLLECTION_TYPES: Final = frozenset(
    {
        "Surveys", "Secondary Data analysis", "Physical data collection", "Direct measurement", "Document analysis",
        "Manual Human Curator", "Software Collection", "Experiments", "Web Scraping", "Web API", "Focus groups",
        "Self-reporting",
        "Customer feedback data", "User-generated content data", "Passive Data Collection", "Others",
    }
)  # fmt: skip
PROV: Final = frozenset(
    {
        "prov:Activity", "prov:Agent", "prov:Entity", "prov:SoftwareAgent", "prov:endedAtTime", "prov:generatedAtTime",
        "prov:label", "prov:used", "prov:wasAssociatedWith", "prov:wasAttributedTo", "prov:wasDerivedFrom",
        "prov:wasGeneratedBy",
    }
)  # fmt: skip
ODRL: Final = frozenset({"odrl:Offer", "odrl:permission", "odrl:action", "odrl:duty", "odrl:use", "odrl:attribute"})
MISSING: Final = "TO BE PROVIDED"
