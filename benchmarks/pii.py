"""Personal data: the fast analyzer beside presidio's AnalyzerEngine, the same recognizers, the same documents, in one run.

    python -m benchmarks.pii [--documents 4000] [--peer-documents 300] [--rounds 3] [--shares 0 1 10 100] [--fallback]

Documents of about 1.1 KB: sentences of made-up words, in every fourth one a number as prose has them (a year, a price, a
page), and in a share of the documents, in per cent, one to three pieces of personal data of seventeen kinds with fresh digits.
Ours reads all documents as Arrow columns, a batch at a time; presidio, which is slower, the first of them. A, B, A, B; CPU
time of this process. Every document that presidio reads is compared, finding by finding; a difference ends the run.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from acquisition.filters.pii.engine import Analyzer, reference  # noqa: E402  # run as a file, the checkout is not on the path yet
from acquisition.filters.pii.engine_context import blank_engine  # noqa: E402

BATCH = 10_000
SYLLABLES = [
    "ba",
    "be",
    "bo",
    "da",
    "de",
    "di",
    "fa",
    "fe",
    "ga",
    "ge",
    "ha",
    "ka",
    "la",
    "le",
    "li",
    "lo",
    "ma",
    "me",
    "mi",
    "mo",
    "na",
    "ne",
    "no",
    "pa",
    "pe",
    "ra",
    "re",
    "ri",
    "ro",
    "sa",
    "se",
    "so",
    "ta",
    "te",
    "ti",
    "to",
    "va",
    "ve",
]
SMALL = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "was",
    "on",
    "are",
    "as",
    "with",
    "his",
    "they",
    "at",
    "be",
    "this",
    "from",
    "have",
    "or",
    "by",
    "one",
    "had",
    "not",
    "but",
    "what",
    "all",
]
NUMBERS = (
    "in {year}",
    "for ${price},{three}.50",
    "on page {two}",
    "{two} of them",
    "about {two}.{two} per cent",
    "(see {two}.{two})",
)
PLANTED = (
    "call me at {three}-{three}-{four}",
    "phone +44 20 {four} {four}",
    "write to {word}.{word}@example.com",
    "card 4111 1111 1111 1111",
    "card number {four} {four} {four} {four}",
    "iban DE89370400440532013000",
    "social security {three}-{two}-{four}",
    "from 10.{two}.{two}.7",
    "server 2001:db8::{four}:7334",
    "mac 00:1A:2B:{two}:{two}:5E",
    "see https://www.{word}.org/{word}",
    "wallet 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "passport {three}{three}{three}",
    "bank account {four}{four}{three}",
    "driver license A{four}{three}",
    "nhs 943 476 5919",
    "born 12/{two}/19{two}",
)


def documents(count: int, share: float, seed: int) -> Iterator[str]:
    """Yield documents, the same for the same arguments."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 5))) for _ in range(4000)] + SMALL * 60

    def filled(form: str) -> str:
        return form.format(
            word=rng.choice(vocabulary),
            year=rng.randint(1900, 2030),
            price=rng.randint(1, 99),
            two=rng.randint(10, 28),
            three=rng.randint(200, 899),
            four=rng.randint(1000, 9999),
        )

    for _ in range(count):
        sentences = [" ".join(rng.choices(vocabulary, k=14)).capitalize() for _ in range(14)]
        for place in range(0, len(sentences), 4):
            sentences[place] += " " + filled(rng.choice(NUMBERS))
        if rng.random() * 100 < share:
            for _ in range(rng.randint(1, 3)):
                sentences.insert(rng.randrange(len(sentences)), filled(rng.choice(PLANTED)))
        yield ". ".join(sentences) + "."


def predefined() -> list:  # type: ignore[type-arg]  # presidio's recognizers, which only presidio looks into
    """Return presidio's default recognizers for English."""
    from presidio_analyzer.recognizer_registry import RecognizerRegistry

    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=blank_engine(["en"]))
    return list(registry.recognizers)


class Sides:
    """Both analyzers over the same recognizers."""

    def __init__(self, *, fallback: bool) -> None:
        recognizers = predefined()
        self.ours = Analyzer(recognizers, hyperscan=False if fallback else None)
        self.theirs = reference(recognizers)

    def ours_rate(self, count: int, share: float) -> tuple[float, int]:
        """Return our documents per CPU second, and the documents with findings; making the documents is not counted."""
        spent, flagged, batch = 0.0, 0, []
        for number, text in enumerate(documents(count, share, 1), 1):
            batch.append(text)
            if len(batch) == BATCH or number == count:
                column = pa.array(batch)
                begin = time.process_time()
                flagged += sum(1 for _ in self.ours.found(column))
                spent += time.process_time() - begin
                batch = []
        return count / spent, flagged

    def theirs_rate(self, count: int, share: float) -> float:
        """Return presidio's documents per CPU second on the first documents."""
        texts = list(documents(count, share, 1))
        begin = time.process_time()
        for text in texts:
            self.theirs.analyze(text, "en")
        return count / (time.process_time() - begin)

    def compare(self, count: int, share: float) -> int:
        """Return the findings in the first documents, which are the same on both sides or the run ends."""
        total = 0
        texts = list(documents(count, share, 1))
        for text, found in zip(texts, self.ours.analyze_batch(pa.array(texts)), strict=True):
            expected = [(one.entity_type, one.start, one.end, one.score) for one in self.theirs.analyze(text, "en")]
            if [(one.entity_type, one.start, one.end, one.score) for one in found] != expected or found.gave_up:
                raise SystemExit(f"not the same findings in: {text}")
            total += len(expected)
        return total


def main() -> None:
    """Measure and write a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=4000)
    parser.add_argument("--peer-documents", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shares", type=float, nargs="+", default=[0, 1, 10, 100])
    parser.add_argument("--fallback", action="store_true", help="without Hyperscan")
    wanted = parser.parse_args()
    begin = time.process_time()
    sides = Sides(fallback=wanted.fallback)
    sys.stdout.write(f"built in {time.process_time() - begin:.1f} s CPU\n")
    sys.stdout.write("| share | presidio/s | ours/s | ratio | findings compared |\n|---|---|---|---|---|\n")
    for share in wanted.shares:
        compared = sides.compare(wanted.peer_documents, share)
        rates = [
            (sides.theirs_rate(wanted.peer_documents, share), sides.ours_rate(wanted.documents, share)[0])
            for _ in range(wanted.rounds)
        ]
        theirs, ours = (statistics.median(side) for side in zip(*rates, strict=True))
        ratio = statistics.median(our / their for their, our in rates)
        sys.stdout.write(f"| {share:g} % | {theirs:,.0f} | {ours:,.0f} | {ratio:.1f} | {compared:,} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
