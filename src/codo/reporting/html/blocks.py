"""Content of a page as plain values, from a paragraph to a whole page; ``templates/`` define how they look."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup

from codo.advice.answer import Answer
from codo.evaluation.health_checks import Check, Tone


@dataclass(frozen=True)
class Text:
    """Paragraphs; words between `backticks` are set as code."""

    paragraphs: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """Headline numbers: ``(label, value, note)``."""

    items: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Verdict:
    """A verdict in one line in the color of its tone, and the checks that it is based on."""

    tone: Tone
    headline: str
    checks: Sequence[Check] = ()


@dataclass(frozen=True)
class Numbers:
    """The numbers that a figure shows: names of the columns, and rows of text and numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float]]


@dataclass(frozen=True)
class Figure:
    """A figure: title with its unit, caption, a text alternative for screen readers, and its numbers."""

    title: str
    svg: Markup
    caption: str
    alt: str
    numbers: Numbers


@dataclass(frozen=True)
class Figures:
    """Figures side by side, as many as fit."""

    figures: Sequence[Figure]


@dataclass(frozen=True)
class Table:
    """A table: the first column names the row, the others are numbers unless ``text`` is set."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    text: bool = False


@dataclass(frozen=True)
class Code:
    """Text to copy: commands, logs."""

    text: str
    caption: str = ""


@dataclass(frozen=True)
class Shape:
    """Something drawn on a picture, in pixels of the picture's ``frame``.

    Attributes:
        kind: ``proposal``, ``paste``, ``jitter`` or an error type: decides color and dash; may contain further words
            that toggles select by.
        box: ``x1, y1, x2, y2``, half-open.
        label: Short text at the box's upper left corner.
        polygons: Outlines of a mask, each a flat list ``x, y, x, y, …``.
        score: Confidence, or any value in [0, 1], for the filter ``score``.
        values: Values for the filter ``shape``.
    """

    kind: str
    box: tuple[float, float, float, float]
    label: str = ""
    polygons: Sequence[Sequence[float]] = ()
    score: float | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """A photograph with shapes on it.

    Attributes:
        uri: The pixels as a ``data:`` URI, or ``#anchor`` to reuse those of an earlier picture.
        frame: Width and height of the coordinate system of the shapes.
        alt: Text alternative.
        title: Short text below.
        anchor: A name, unique in the page, by which later pictures can reuse the pixels.
        square: Fit it into a square, to align a proposal with canvases; only for pictures without shapes.
    """

    uri: str
    frame: tuple[int, int]
    alt: str
    shapes: Sequence[Shape] = ()
    title: str = ""
    square: bool = False
    anchor: str = ""


@dataclass(frozen=True)
class Card:
    """Pictures that belong together, with a name, a line of facts, and values that the controls filter by."""

    pictures: Sequence[Picture]
    name: str = ""
    note: str = ""
    values: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Control:
    """A filter over the cards of a gallery.

    Attributes:
        kind: ``search`` (text in a value), ``least`` (value at least), ``choice`` (value has the option), ``sort``
            (by a value; options ``key``, ``-key``), ``toggle`` (shapes of a kind), ``score`` (shapes from a score on),
            ``shape`` (has a shape with the option, as a value or, for the key ``kind``, as its error type),
            ``size`` (least width of a card in rem).
        label: Text shown to the reader.
        key: Name of the value, or kind of shape.
        options: ``(value, label)`` of ``choice``, ``shape`` and ``sort``.
        span: Lowest, highest, step and first value of ``least``, ``score`` and ``size``.
        on: First state of ``toggle``.
    """

    kind: Literal["search", "least", "choice", "sort", "toggle", "score", "shape", "size"]
    label: str
    key: str = ""
    options: Sequence[tuple[str, str]] = ()
    span: tuple[float, float, float, float] = (0, 1, 0.05, 0)
    on: bool = True


@dataclass(frozen=True)
class Gallery:
    """Cards in a grid, with a legend of the kinds of shapes on them; ``span`` is the least width of a card in rem."""

    cards: Sequence[Card]
    caption: str
    legend: Sequence[tuple[str, str]] = ()
    controls: Sequence[Control] = ()
    span: int = 15


@dataclass(frozen=True)
class Details:
    """Blocks that are folded until the reader opens them."""

    summary: str
    blocks: Sequence[Block]


Block = Text | Facts | Verdict | Figures | Table | Code | Gallery | Details


@dataclass(frozen=True)
class Section:
    """A heading with blocks below it."""

    heading: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """The heading as the name of a place in the page."""
        return re.sub(r"[^a-z0-9]+", "-", self.heading.lower()).strip("-") or "section"


@dataclass(frozen=True)
class Page:
    """A whole page.

    Attributes:
        title: The name in large letters.
        kicker: A few words above it: the kind of page.
        lead: A sentence or two below it.
        sections: The content; empty ones are left out.
        footer: Text at the end.
        answer: The conclusion, shown before everything else.
    """

    title: str
    kicker: str
    lead: str
    sections: Sequence[Section]
    footer: str = ""
    answer: Answer | None = None
