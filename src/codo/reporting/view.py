"""``codo view``: look at a catalog, at the views of a pretraining run, or at the detections of a finetuning run.

A page to browse with filters, while ``report.html`` is a page to read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codo.catalog.catalog import is_catalog, open_catalog
from codo.catalog.paths import is_url
from codo.errors import InputError
from codo.reporting.beside import LEGEND, explain, scene_cards, scene_controls, scenes_of
from codo.reporting.blocks import Control, Facts, Gallery, Page, Section
from codo.reporting.catalog_page import CARDS, catalog_page
from codo.reporting.common import FOOTER
from codo.reporting.detections import best_threshold
from codo.reporting.files import config_of
from codo.reporting.numbers import number
from codo.reporting.page import write_page
from codo.reporting.pictures import VIEW_LEGEND, spread, views_card
from codo.reporting.pretraining import open_views
from codo.run import Run, is_run


def write_view(path: str | Path, out: str | Path | None = None) -> Path:
    """Write the page.

    Args:
        path: A catalog or a run.
        out: The page; by default ``view.html`` in ``path``.

    Returns:
        The page.

    Raises:
        InputError: ``path`` is neither, or what it refers to is gone.
    """
    if is_run(path):
        run = Run(Path(path))
        page = detections_page(run) if run.verb == "finetune" else views_page(run)
    elif is_catalog(path):
        page = catalog_page(open_catalog(path))
    else:
        fix = "give a folder that codo prepare, pretrain or finetune made"
        raise InputError("neither a catalog nor a run", where=str(path), fix=fix)
    if out is None and is_url(str(path)):
        raise InputError("the page cannot be written to a URL", where=str(path), fix="add --out FILE")
    return write_page(page, Path(out) if out is not None else Path(path) / "view.html")


def views_page(run: Run) -> Page:
    """A pretraining run: the samples of its first epoch as the networks saw them."""
    cpj, views = open_views(config_of(run))
    cards = [views_card(cpj, 0, i, views, 200) for i in spread(len(cpj), max(8, 2 * CARDS // (views + 1)))]
    controls = [
        Control("search", "Name of the foreground", "key"),
        Control("toggle", "pasted box", "paste"),
        Control("toggle", "jittered box", "jitter"),
    ]
    caption = (
        f"{len(cards)} of {number(len(cpj))} samples in the first epoch: the proposal, then what the query network "
        "(view 0) and the key network see. All views of a row show the same proposal."
    )
    gallery = Gallery(cards, caption, VIEW_LEGEND, controls, span=min(44, 10 * (views + 1)))
    lead = f"Views of {cpj.canvas} × {cpj.canvas} px, made by copy, paste and jitter from seed {cpj.seed}."
    return Page(run.path.resolve().name, "CoDo views", lead, [Section("Views", [gallery])], FOOTER)


def detections_page(run: Run) -> Page:
    """A finetuning run: its detections beside the truth, worst first."""
    scenes = scenes_of(run)
    threshold = best_threshold(scenes)
    least = min(threshold, 0.05)
    ranked = sorted(scenes, key=lambda scene: scene.score(threshold))[:CARDS]
    counts = np.array([scene.counts(threshold) for scene in scenes]).reshape(-1, 3).sum(axis=0)
    facts = [
        ("Images", number(len(scenes)), f"{len(ranked)} shown"),
        ("Found", number(int(counts[0])), "objects"),
        ("Missed", number(int(counts[1])), "objects"),
        ("Wrong", number(int(counts[2])), "detections"),
        ("Confidence", f"{threshold:.2f}", "from which detections count"),
    ]
    caption = f"The {len(ranked)} worst of {number(len(scenes))} images, worst first. {explain(scenes, threshold)}"
    gallery = Gallery(
        scene_cards(ranked, threshold, least), caption, LEGEND, scene_controls(ranked, threshold, least), span=26
    )
    sections = [Section("Summary", [Facts(facts)]), Section("Images", [gallery])]
    return Page(run.path.resolve().name, "CoDo detections", "", sections, FOOTER)
