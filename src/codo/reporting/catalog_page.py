"""The page of a catalog: images with their proposals, sizes, rejected files, settings."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import numpy.typing as npt

from codo.advice.prepared import catalog_answer
from codo.catalog.catalog import Catalog
from codo.catalog.schema import REJECTED
from codo.core.config import flatten
from codo.core.numbers import number, percent
from codo.core.paths import join, kind, read_whole
from codo.reporting.common import FOOTER
from codo.reporting.html.blocks import Block, Control, Facts, Figure, Figures, Gallery, Page, Section, Table, Text
from codo.reporting.html.pictures import PROPOSAL_LEGEND, proposal_card, spread
from codo.reporting.html.plots import histogram, histogram_numbers
from codo.views.boxes import area

CARDS = 40
"""Images on a page: enough for an impression, few enough to send the page by mail."""

FALLBACK_STAGES = {
    "filtered": "passed all filters",
    "ratio": "passed the ratio filter only",
    "side": "passed the size filter only",
    "whole": "none: the whole image is used",
}
"""Fallback stages of proposals and their display names (docs/method.md#proposals)."""

LEFT_OUT = {
    "rejected": "rejected",
    "repeated": "listed twice in the source",
}
"""Counts of a catalog that this page shows, and their display names."""

SAMPLED = 20_000
"""Largest number of rows for histograms; larger catalogs are sampled."""


def catalog_page(catalog: Catalog) -> Page:
    """The page of a catalog."""
    cards = [proposal_card(catalog, i, longest=300) for i in spread(len(catalog), CARDS)]
    controls = [Control("search", "Name", "key")]
    if catalog.has_proposals:
        most = max((int(card.values["proposals"]) for card in cards), default=1)
        controls.append(Control("least", "Proposals, at least", "proposals", span=(0, most, 1, 0)))
        orders = [("index", "as in the catalog"), ("proposals", "fewest proposals"), ("-proposals", "most proposals")]
        controls.append(Control("sort", "Order", options=[*orders, ("-pixels", "largest"), ("pixels", "smallest")]))
        controls.append(Control("score", "Boxes left out, share", span=(0, 1, 0.05, 0.75)))
    caption = f"{len(cards)} of {number(len(catalog))} images, spread evenly over the catalog."
    gallery = Gallery(cards, caption, PROPOSAL_LEGEND if catalog.has_proposals else (), controls)
    settings = [(key, str(value)) for key, value in flatten(catalog.settings).items()]
    table = Table(["Setting", "Value"], settings, "How the catalog was made.", text=True)
    return Page(
        title=catalog.path.rstrip("/").rpartition("/")[2],
        kicker="CoDo catalog",
        lead="The images in the catalog, with the proposals that pretraining crops from them.",
        sections=[
            Section("Summary", size_blocks(catalog)),
            Section("Images", [gallery]),
            Section("Left out", left_out_blocks(catalog)),
            Section("Settings", [table]),
        ],
        footer=FOOTER,
        answer=catalog_answer(
            len(catalog),
            int(catalog.counts.get("rejected") or 0),
            dict(catalog.fallbacks or {}),
            proposals=catalog.has_proposals,
            path=catalog.path,
        ),
    )


def size_blocks(catalog: Catalog) -> list[Block]:
    """Numbers and histograms of image and proposal sizes."""
    rows = spread(len(catalog), SAMPLED)
    sizes = np.array([catalog.size(i) for i in rows], float).reshape(-1, 2)  # width, height
    part = "" if len(rows) == len(catalog) else f" Based on {number(len(rows))} images spread evenly over the catalog."
    facts = [("Images", number(len(catalog)), "")]
    if copies := catalog.counts.get("duplicates"):
        facts.append(("Duplicates", number(copies), "same bytes as an earlier image; kept"))
    if not rows:
        return [Facts(facts)]
    short, long = sizes.min(axis=1), sizes.max(axis=1)
    facts.append(("Median size", f"{np.median(long):.0f} × {np.median(short):.0f}", "long × short side, px"))
    drawn: list[Figure] = []
    if catalog.has_proposals:
        boxes = [np.asarray(catalog.proposals(i), float).reshape(-1, 4) for i in rows]
        counts, shares = [len(b) for b in boxes], _shares(boxes, sizes)
        facts.append(("Proposals per image", f"{np.mean(counts):.1f}", f"at most {max(counts)}"))
        if len(shares):
            middle = percent(float(np.median(shares)))
            facts.append(("Median proposal", middle, "of the image's side: √(box area / image area)"))
            drawn.append(
                Figure(
                    "Size of proposals (% of the image's side)",
                    histogram(100 * shares, bins=np.arange(0, 101, 5), x_label="√(box area / image area), %"),
                    f"Number of proposals by size. Small ones show parts of objects, large ones whole scenes.{part}",
                    f"Histogram of proposal sizes; median {middle} of the image's side.",
                    histogram_numbers(100 * shares, np.arange(0, 101, 5)),
                )
            )
        drawn.append(
            Figure(
                "Proposals per image",
                histogram(counts, bins=np.arange(max(counts) + 2) - 0.5, x_label="proposals"),
                f"Number of images by number of proposals; a single proposal is often the whole image.{part}",
                f"Histogram of the number of proposals per image, from {min(counts)} to {max(counts)}.",
                histogram_numbers(counts, np.arange(max(counts) + 2) - 0.5),
            )
        )
    edges = np.linspace(short.min(), max(short.max(), short.min() + 10), 25)
    drawn.append(
        Figure(
            "Short side of the images (px)",
            histogram(short, bins=edges, x_label="short side, px"),
            f"Number of images by size, in original pixels.{part}",
            f"Histogram of the short sides, from {short.min():.0f} to {short.max():.0f} pixels.",
            histogram_numbers(short, edges),
        )
    )
    blocks: list[Block] = [Facts(facts), Figures(drawn)]
    if catalog.fallbacks:
        stages = [(FALLBACK_STAGES.get(stage, stage), number(n)) for stage, n in catalog.fallbacks.items()]
        blocks.append(
            Table(["Proposals of an image", "Images"], stages, "Filters that the proposals of an image passed.")
        )
    return blocks


def _shares(boxes: list[npt.NDArray[np.float64]], sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Relative size of every proposal: square root of box area over image area."""
    areas = [area(b) / (width * height) for b, (width, height) in zip(boxes, sizes, strict=True)]
    roots: npt.NDArray[np.float64] = np.sqrt(np.concatenate(areas))
    return roots


def left_out_blocks(catalog: Catalog, most: int = 200) -> list[Block]:
    """Files of the source that are not in the catalog: how many and why, and the first rejected ones."""
    counts = [(name, number(catalog.counts[key])) for key, name in LEFT_OUT.items() if catalog.counts.get(key)]
    counts += [(f"not an image: {ending}", number(n)) for ending, n in (catalog.counts.get("ignored") or {}).items()]
    rows = _rejected(join(catalog.path, REJECTED))
    if not counts and not rows:
        return [Text(["Every file of the source is in the catalog."])]
    blocks: list[Block] = [Table(["What", "Files"], counts, "Files that are not in the catalog.")] if counts else []
    if rows:
        kinds = Counter(reason.partition(":")[0] for _, reason in rows).most_common()
        blocks.append(Table(["Reason", "Files"], [(kind, number(n)) for kind, n in kinds], "Rejected files by reason."))
        caption = f"The first {number(min(most, len(rows)))} of {number(len(rows))} rejected files, from `{REJECTED}`."
        blocks.append(Table(["File", "Reason"], rows[:most], caption, text=True))
    return blocks


def _rejected(path: str) -> list[tuple[str, str]]:
    """Key and reason of every rejected image."""
    if kind(path) is None:
        return []
    lines = read_whole(path).decode("utf-8", errors="replace").splitlines()
    return [(row.get("key") or "", row.get("reason") or "") for row in csv.DictReader(lines)]
