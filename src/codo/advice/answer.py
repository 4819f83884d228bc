"""What a page says first: a sentence in the color of its tone, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from codo.evaluation.health_checks import Tone

Kind = Literal[
    "wait",
    "resume",
    "learning rate",
    "steps",
    "labels",
    "images",
    "seeds",
    "settings",
    "loader",
    "errors",
    "compare",
    "use",
    "nothing",
]
"""What a suggestion is about: more steps, more labels, more evaluation images, …, or nothing."""


@dataclass(frozen=True)
class Suggestion:
    """One thing to do next.

    Attributes:
        kind: What it is about.
        what: What to do, as an imperative; words between `backticks` are code.
        why: The numbers and the rule that it follows from.
    """

    kind: Kind
    what: str
    why: str


@dataclass(frozen=True)
class Answer:
    """The conclusion of a page.

    Attributes:
        tone: Color of the headline.
        headline: The conclusion in a sentence or two, with intervals where they are known.
        next: What to do, the most important first.
    """

    tone: Tone
    headline: str
    next: Sequence[Suggestion] = ()
