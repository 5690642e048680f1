"""Ordinary texts from our own vocabulary, varied enough that two of them are never near each other by accident."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Final

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    key: tuple(words.split())
    for key, words in {
        "who": "baker bargee carpenter clerk cobbler cook fiddler gardener glazier joiner keeper librarian mason miller "
        "neighbour nurse painter plumber porter potter roofer sailor shepherd smith tailor teacher tiler warden weaver welder",
        "thing": "anchor apron awning barrel basket bellows bench blanket bottle bracket bucket cabinet candle cart chimney "
        "compass crate curtain drawer fence funnel gate hammer harness hinge jug kettle ladder lantern latch lever mirror "
        "mortar needle oar oven paddle parcel pillow pulley quilt rake rope saddle sail saucepan shelf shovel sieve spade "
        "spool stove tarpaulin thimble tile trolley trowel valve wagon whistle window winch",
        "place": "attic alley bakery barn boathouse bridge canal cellar chapel courtyard creek depot ferry foundry greenhouse "
        "harbour hill jetty kitchen landing lane library lighthouse market meadow mill museum orchard pantry pier porch quarry "
        "quay roof school shed shore smithy square stable station terrace tower tunnel valley wharf workshop yard",
        "adj": "bent blue brittle broad broken chipped clean coarse cold crooked damp dented dry dusty empty faded flat gentle "
        "green grey heavy hollow honest late loose loud narrow new odd pale patient plain polished quick quiet red rough rusty "
        "salty sharp short silent slow small soft sour spare steady steep stiff sturdy sweet tall thin tidy tight tired "
        "uneven warm wet wide wooden yellow",
        "did": "borrowed brushed carried cleaned covered cut dragged dropped emptied fetched filled folded greased hid hung "
        "inspected leaned lent lifted loaded locked lost marked measured mended moved nailed oiled opened packed painted "
        "patched piled pulled pushed rinsed rolled sanded scraped sealed shook sketched soaked sorted stacked stitched stored "
        "swept tested tied traded turned unpacked warmed washed weighed wrapped",
        "stuff": "ash barley beeswax brass bread butter canvas cedar chalk cheese clay copper cork cotton felt flour glass "
        "gravel hemp honey iron leather lime linen moss oak oats paper pepper pine plaster rye salt sand silk slate soap straw "
        "sugar tar tea thyme timber tin twine vinegar walnut wax wheat wicker wool zinc",
        "feel": "amused annoyed anxious bored calm cheerful content curious doubtful eager glad grateful grumpy hopeful "
        "impatient lonely merry nervous pleased proud puzzled relieved restless sleepy startled stubborn surprised thoughtful "
        "uneasy weary",
        "creature": "beetle blackbird cat crow donkey duck eel fox frog gander goat goose gull hare hedgehog heron horse "
        "lamb magpie mole moth otter owl pigeon pony rabbit robin seal sparrow squirrel swan toad trout wasp wren",
    }.items()
}

_SENTENCES: Final = (
    "The {adj} {thing} near the {place} was {did} by a {feel} {who}.",
    "A {who} from the {place} {did} {stuff} and {stuff} into one {adj} {thing}.",
    "Nobody {did} the {thing} while our {who} waited beside the {adj} {place}.",
    "{When} the {who} found {stuff} under a {adj} {thing}.",
    "Between {place} and {place} a {creature} followed the {feel} {who}.",
    "My {thing} smells of {stuff}, so the {who} {did} it {when}.",
    "Their {adj} {place} needs {stuff}, one more {thing} and a {feel} {who}.",
    "Every {creature} at the {place} seemed {feel} {when}.",
    "She {did} one {adj} {thing}, then asked the {who} for {stuff}.",
    "Without {stuff} no {who} could have {did} that {adj} {thing}.",
    "He keeps a {creature} in the {place}, which leaves the {who} {feel}.",
    "Some {stuff} fell from the {thing} and the {creature} looked {feel}.",
    "Behind our {place} stands a {thing} of {adj} {stuff}.",
    "{When} we {did} the {place} and gave the {who} a {adj} {thing}.",
    "What the {who} {did} {when} was mostly {adj} {stuff}.",
    "Our {who} and a {who} argued about that {thing} until the {creature} left.",
    "Its {adj} handle was made of {stuff} and {did} by some {who}.",
    "I {did} {stuff} beside the {place}, {feel} as any {creature}.",
    "Although the {thing} was {adj}, our {who} {did} it {when}.",
    "From the {place} came {stuff}, a {adj} {thing} and one {feel} {creature}.",
)
_OPENINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "praise": (
        "I was {feel} to see how well the {who} {did} our {adj} {thing}.",
        "Thank you for the {stuff}; the {adj} {place} never looked so tidy.",
        "The new {thing} works better than any {adj} {thing} at the {place}.",
    ),
    "complaint": (
        "The {thing} from your {place} arrived {adj}, and that is not what the {who} promised.",
        "I am {feel} because nobody at the {place} {did} my {thing}.",
        "Your {who} left {stuff} all over the {adj} {place}.",
    ),
    "question": (
        "Could the {who} tell me where the {adj} {thing} was {did}?",
        "Does the {place} still sell {stuff} for a {adj} {thing}?",
        "Who {did} the {thing} beside the {adj} {place}?",
    ),
}
_TIMES: Final = (
    *("all morning", "after lunch", "after the storm", "at dawn", "at dusk", "at noon", "before supper", "during the fair"),
    *("in autumn", "in spring", "in the evening", "last week", "late on Sunday", "on Friday", "on market day", "on Tuesday"),
    *("once more", "overnight", "right away", "since winter", "this morning", "under the rain", "without hurry", "yesterday"),
)

LABELS: Final = tuple(_OPENINGS)
BOILERPLATE: Final = (
    "As an AI language model, I don't have personal experiences with a {thing}, but I can offer general information. {more}",
    "Certainly! Here is a short text about the {place} that you asked for. {more} As an AI assistant, I have never seen it.",
    "I'm sorry, but I cannot fulfill that request about the {who}. {more} As an AI, I strive to be helpful.",
    "As of my last knowledge update, the {place} had no {thing}. {more} Let me know if you have any other questions.",
    "{more} In conclusion, it is important to note that no {thing} is alike. As an AI language model, I cannot judge it.",
    "Sure, here is a rewritten version of your note on {stuff}: {more} As a large language model, I may be wrong.",
)
"""Phrases that chat programs leave behind, each once; {more} is replaced by ordinary text."""


def _fill(template: str, chance: random.Random) -> str:
    def word(match: re.Match[str]) -> str:
        name = match[1].lower()
        chosen = chance.choice(_TIMES if name == "when" else _WORDS[name])
        return chosen[0].upper() + chosen[1:] if match[1][0].isupper() else chosen

    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", re.sub(r"\{(\w+)\}", word, template))


def chance_of(seed: int, name: str) -> random.Random:
    """Return the random numbers of one part of the world, the same for the same seed."""
    return random.Random(f"{seed}/{name}")  # noqa: S311 - decides which words a demonstration uses, guards nothing


def sentences(chance: random.Random, number: int) -> str:
    """Return that many different sentences as one paragraph."""
    return " ".join(_fill(template, chance) for template in chance.sample(_SENTENCES, number))


def note(chance: random.Random, label: str, number: int = 6) -> str:
    """Return a note whose opening speaks its label, followed by `number` sentences (about 80 words for 6)."""
    return f"{_fill(chance.choice(_OPENINGS[label]), chance)} {sentences(chance, number)}"


def boilerplate(chance: random.Random, index: int) -> str:
    """Return a text in which a chat program's phrase was left standing."""
    more = sentences(chance, 4)
    return _fill(BOILERPLATE[index % len(BOILERPLATE)].replace("{more}", "\0"), chance).replace("\0", more)


def nearly(text: str, chance: random.Random) -> str:
    """Return the text with another last word: the same for a reader, another digest for a machine."""
    last = text.rpartition(" ")[0]
    return f"{last} {chance.choice(_WORDS['stuff'])}."
