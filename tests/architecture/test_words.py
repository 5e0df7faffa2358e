"""Words and turns that make a text read as a translation, and what to write instead.

Each rule is narrow on purpose: it must not forbid good English. A text that breaks one is better
rewritten as a whole than patched where the pattern matched.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.texts.prose import names_of_tests, paragraphs

ROOT = Path(__file__).parents[2]

# What a pattern matches, with the reason and a better wording.
RULES = {
    # "There is no limit" and "is no longer" are good English; "a file is no folder" is not.
    r"(?<!\b[Tt]here )\b(?:is|are|was|were) no "
    r"(?!longer|more|less|fewer|one|better|worse|larger|smaller|greater|faster|slower|different|such)": (
        'negates the noun: write "is not a"'
    ),
    r"\b(?:has|have) not (?:the|an?|any)\b": 'write "does not have"',
    r"\b(?:that|which|who) (?:is|are) none\b": 'says no word of what it is: write "that is not a ..."',
    r"\banew\b": 'is for poems: write "again" or "from the start"',
    r"\bin good order\b": 'is for retreats: write "cleanly"',
    r"\bbelongs? into\b": 'a thing belongs "in" a place',
    r"\bof whose\b|\bof whom\b": "trails its noun: begin a second sentence",
    r"\bneed not (?:fear|be afraid)\b": "code has no feelings: say what cannot happen",
    r"\b(?:is|are|was|were) told (?:by|in) ": 'write "is explained in" or "is reported by"',
    r"\btells? (?:how|of)\b": 'write "explains how" or "reports"',
    r"\bstands? (?:in(?! for)|on|behind|beside|before|above|below|at|under|around|between|there|here)\b": (
        'texts and values do not stand: write "is in", "surrounds", "precedes"'
    ),
    # "Behind a proxy" is right: one thing is behind another in space.
    r"(?<!left )\bbehind (?:(?:a|an|the|its|our|their|that|each|every|many|one|this|last|first|whole) )*"
    r"(?:answers?|responses?|replies|close|frames?|messages?|requests?|heads?|bod(?:y|ies)|floods?|refusals?"
    r"|boundar(?:y|ies)|semicolons?|colons?|ends?|pieces?|data|content|violation|mistake|others|first|last"
    r"|limit|text)\b": 'is a place: for time and order write "after"',
    r"(?:^|[.!?;] )[Ww]ho(?:ever)? [^.?!]*\.(?: |$)|: whoever ": (
        'needs a noun as its subject: "A task that waits", not "Who waits"'
    ),
    r"\b(?:to|for|by|from|with) who\b": 'needs a noun: "by the task that", not "by who"',
    r"(?:^|[.!?] )What (?:is|was|comes|came|waits|stands|fits|fails|goes|leaves) (?!not |left )[^.?!]* "
    r"(?:is|are|was|were|has|have|does|goes|stays|comes|waits)\b[^.?!]*\.(?: |$)": (
        'needs a noun as its subject: "A message that waits", not "What waits"'
    ),
    r"(?:^|[.!?] )(?:Gone|Given|Kept|Told|Said|Closed|Counted|Held|Taken) (?:is|are|was|were)\b": (
        "turns the sentence round: begin with the subject"
    ),
    r"(?:^|[.!?] )So (?:long|much|many|often|late) (?:may|is|are|can|does|do|has|of)\b": (
        'turns the sentence round: write "for this long", "this much"'
    ),
}
ANY_RULE = re.compile("|".join(RULES))


# Tests run in random order, so that a name must make sense alone.
NAMES = {
    r"^(?:so|nor|but|neither|then|such|these|those|they|it|them|also|others)_": "needs a test before it",
    r"_(?:too|either|as_well)$": "needs a test before it",
    r"^(?:who|whose|whoever|what|whatever|wherever)_": 'needs a noun as its subject: "a_client_that_..."',
    r"_(?:that|which)_(?:is|are)_none(?:_|$)": 'does not say what it is not: "an_invalid_..."',
    r"(?<!there)_(?:is|are)_no_(?!longer|more|less|fewer)": 'negates the noun: "is_not_a"',
    r"_anew(?:_|$)": 'write "again"',
}
LONGEST_NAME = 80
# The section of an RFC, or the number of a trap, before the sentence.
NUMBERS = re.compile(r"^(?:w?\d+_)*")

TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
AREAS = (".", *sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."))


def files_of(area: str) -> list[Path]:
    """List the texts and programs of a folder of the project; of its top only those in no folder."""
    found = ROOT.glob("*.*") if area == "." else (ROOT / area).rglob("*.*")
    return sorted(path for path in found if path.suffix in {".md", ".py"} and path != Path(__file__))


@pytest.mark.parametrize("area", AREAS)
def test_a_text_reads_as_written_in_english(area: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r} {reason}, in: {text}"
        for path in files_of(area)
        for text in paragraphs(path, has_strings=area == "trioweb")
        if ANY_RULE.search(text)
        for rule, reason in RULES.items()
        for match in [re.search(rule, text)]
        if match
    ]
    assert found == []


def test_the_name_of_a_test_stands_alone() -> None:
    names = {name: NUMBERS.sub("", name) for path in TESTS for name in names_of_tests(path)}
    found = [
        f"{name}: {reason}"
        for name, bare in names.items()
        for rule, reason in NAMES.items()
        if re.search(rule, bare)
    ]
    assert found == []
    assert not [name for name in names if len(f"test_{name}") > LONGEST_NAME]


@pytest.mark.parametrize(
    "sentence",
    [
        "There is no limit.",
        "The task is no longer waiting.",
        "The server runs behind a proxy, behind TLS, or behind the proxies of a provider.",
        "The thread is left behind when the lifespan ends.",
        "Who may open a WebSocket?",
        "The name stands for a route.",
        "It tells clients apart.",
        "What happens next?",
    ],
)
def test_good_english_passes(sentence: str) -> None:
    assert not [rule for rule in RULES if re.search(rule, sentence)]
