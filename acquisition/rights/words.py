"""Words that change what a sentence or a license says: lists shared by the readers of names, sentences and texts."""

from __future__ import annotations

from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


TURNING: Final = _set(
    """
    not no non noncommercial commercial commercially commerce only except excepting excluding exclude unless
    prohibited prohibit prohibits forbidden forbid forbids cannot neither nor never without consent permission
    approval academic academia research scholarly educational education nonprofit personal private military evil good
    harm fee fees royalty royalties pay payment train training machine learning ai model models evaluation restricted
    restrict restriction restrictions limited must revoke revoked terminate terminated additional however but
    """
)
"""Words by which an inserted or replaced phrase may turn a license round."""

WITHHOLDING: Final = TURNING | _set("excluded excludes reserved proprietary permitted confidential unlicensed")
"""Words by which a line above or below a license's text may take something out of it."""

DOUBTFUL: Final = _set(
    """
    not no never neither nor cannot unless except excepting excluding excluded but however although though only solely
    restricted restriction restrictions prohibited forbidden noncommercial commercial commercially nonprofit research
    academic educational personal internal evaluation permission permitted consent request agreement fee paid purchase
    subscription original originals underlying third party parties owner owners holders belong belongs copyrighted
    reserved proprietary some part parts partly partially portion portions subset most mostly certain various varies
    vary mixed differ differs different other others otherwise each respective respectively individual depending
    depends either additional additionally code software scripts model models weights metadata images photos audio
    videos annotations labels content contents text texts previously formerly old older earlier until before future
    will would should may might could probably possibly maybe perhaps presumably likely unclear unknown unspecified
    unsure think believe seems assumed tbd todo pending draft custom modified variant derived adapted based revoked
    expired waived
    """
)
"""Words by which a sentence may say something else than the name in it: whose, which part, when, how sure."""

DOUBTFUL_ALONE: Final = _set(
    "not noncommercial commercial prohibited forbidden permission except unless restricted research academic only proprietary"
)
"""Words that cast doubt from a sentence of their own, beside one that names a license."""

WEAK: Final = _set(
    """
    mit apache bsd isc ogl openai unsplash gemma expat pd copyrighted proprietary cc openrail zlib youtube imagenet
    ncsa pixabay artistic mpl epl etalab
    """
)
"""Names that are also names of other things: read in a sentence only beside the word license or after a lead."""

LEADS: Final = _set("license licence licenses licences licensed licenced lizenz licensing under")
UNLIKE: Final = _set("like style styled similar compatible equivalent modified custom inspired derived resembling aka non")
NEGATIONS: Final = _set("not never cannot isn aren wasn unlike no longer instead")
PARTS: Final = _set("images photos audio videos annotations labels content contents text texts")
"""Parts of a data set that are harmless as the only subject of a sentence ("all images are …")."""
WORKS: Final = _set("code software metadata")
JOINERS: Final = _set("licensed licenced license dual or and later only")
"""Words that a hyphen may join to a license's name without making another name of it."""

BEFORE: Final = _set(
    """
    een ett na w the a an license licence licenses licences licensed licenced licensing under terms is are was were be
    as with by in to of and or from via using per on for at its their his her our your this that these public domain
    dedicated released available open source free permissive standard unported international dataset datasets data
    corpus collection work works project repository material materials type creative commons either both v copyright
    uses use used applies apply following ein eine einer einem der die dem den des une un la le el una uma lo il o os
    gli i de du d di da do en em nel
    """
)
"""Words that may stand before a license's name without being a part of it."""
AFTER: Final = _set(
    """
    the a an license licence licenses licences licensed licenced licensing under and or by for in on at to of which
    that this these see as from is are was we you it all please available unless international public domain
    dedication deed legal terms conditions agreement if when where copyright i they he she there here where full
    details file data dataset datasets only attribution und et y e ou oder zur zu pour para per
    """
)
"""Words that may stand after a license's name without being a part of it."""
