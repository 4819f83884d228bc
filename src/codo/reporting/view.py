"""``codo view``: a page of a catalog, of the views of a pretraining run, or of detections.

It is made for browsing, with filters; ``report.html`` is the summary of a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from codo.annotations.source import DataSettings, Split
from codo.catalog.catalog import is_catalog, open_catalog
from codo.core.config import Settings, merge, nest, resolve
from codo.core.errors import InputError
from codo.core.numbers import number
from codo.core.paths import is_url
from codo.core.run import Run, is_run
from codo.core.run_files import config_of
from codo.evaluation.load_detections import RESULTS, By, detections_of_file, detections_of_run
from codo.loading.run_views import open_views
from codo.reporting.catalog_page import CARDS, catalog_page
from codo.reporting.common import FOOTER
from codo.reporting.detections_page import detections_page
from codo.reporting.html.blocks import Control, Gallery, Page, Section
from codo.reporting.html.page import write_page
from codo.reporting.html.pictures import VIEW_LEGEND, spread, views_card
from codo.reporting.pretraining import first_views_text


class ViewSettings(Settings):
    """Settings of ``codo view`` for detections."""

    data: DataSettings | None = Field(
        None, description="labeled images: a folder, or data.val=FILE data.images=DIR; null: those of the run"
    )
    split: Split = Field("val", description="split of the data that the detections belong to")
    images: int = Field(200, ge=1, description="number of images in the page, the worst ones; 200 take about 10 MB")
    by: By = Field("auto", description="match by boxes (bbox) or masks (segm); auto: by boxes, when there are any")


def view(path: str | Path, data: Any = None, *, out: str | Path | None = None, **overrides: Any) -> Path:
    """Write a page of a catalog's proposals, of a pretraining run's views, or of detections and ground truth.

    Args:
        path: A catalog, a run, or a COCO result file (``.json``) of any detector.
        data: The labeled images of the detections, as in `codo.evaluate`; by default those of the finetuning run.
        out: The file to write; by default ``view.html`` in ``path``, or the name of the result file with ``.html``.
        **overrides: Further settings, see `ViewSettings`.

    Returns:
        The page.

    Raises:
        InputError: ``path`` is none of these, or files that it refers to are missing or invalid.

    Example:
        >>> import codo
        >>> codo.view("catalogs/photos", out="proposals.html").name
        'proposals.html'
    """
    values = nest(overrides)
    if data is not None:
        values = merge(values, {"data": data if isinstance(data, dict) else str(data)})
    settings = resolve(ViewSettings, None, values)
    if out is None and is_url(str(path)):
        raise InputError("the page cannot be written to a URL", where=str(path), fix="add --out FILE")
    results = Path(path).suffix == ".json" and not Path(path).is_dir() and not is_url(str(path))
    page = results_page(Path(path), settings) if results else folder_page(path, settings, given=sorted(values))
    default = Path(path).with_suffix(".html") if results else Path(path) / "view.html"
    return write_page(page, Path(out) if out is not None else default)


def results_page(path: Path, settings: ViewSettings) -> Page:
    """The page of a result file.

    Raises:
        InputError: No data, or invalid data.
    """
    if settings.data is None:
        raise InputError(
            "data= is missing", where="codo view", fix="add data=FOLDER, the ground truth of the detections"
        )
    return detections_page(
        path.name, detections_of_file(path, settings.data, settings.split, settings.by), settings.images
    )


def folder_page(path: str | Path, settings: ViewSettings, given: list[str]) -> Page:
    """The page of a catalog or a run.

    Raises:
        InputError: ``path`` is neither, or settings of detections are given but there are none.
    """
    run = Run(Path(path)) if is_run(path) else None
    if run is not None and run.verb == "finetune":
        if settings.data is None:
            if settings.split != "val":
                raise InputError("a run has detections of its val split", where=str(path), fix="leave split= out")
            found = detections_of_run(run, settings.by)
        else:
            found = detections_of_file(run.path / RESULTS, settings.data, settings.split, settings.by)
        return detections_page(run.path.resolve().name, found, settings.images)
    if run is None and not is_catalog(path):
        raise InputError(
            "neither a catalog, nor a run, nor a result file"
            if Path(path).exists()
            else "no such catalog, run or file",
            where=str(path),
            fix=f"open {path}/report.html: a comparison has a page"
            if (Path(path) / "comparison.json").is_file()
            else "give a folder that codo prepare, pretrain or finetune made, or a COCO result file (.json)",
        )
    if given:
        raise InputError(
            f"{', '.join(given)}: these settings are for detections, and there are none here",
            where=str(path),
            fix="leave them out, or give a finetune run or a COCO result file",
        )
    return views_page(run) if run is not None else catalog_page(open_catalog(path))


def views_page(run: Run) -> Page:
    """The page of a pretraining run: samples of its first epoch as the networks see them."""
    pasted, views = open_views(config_of(run))
    cards = [views_card(pasted, 0, i, views, 200) for i in spread(len(pasted), max(8, 2 * CARDS // (views + 1)))]
    controls = [
        Control("search", "Name of the foreground", "key"),
        Control("toggle", "pasted box", "paste"),
        Control("toggle", "jittered box", "jitter"),
    ]
    caption = (
        f"{len(cards)} of {number(len(pasted))} samples in the first epoch: the proposal, then what the query network "
        "(view 0) and the key network see. All views of a row show the same proposal."
    )
    gallery = Gallery(cards, caption, VIEW_LEGEND, controls, span=min(44, 10 * (views + 1)))
    side = pasted.cpj.canvas
    lead = f"Views of {side} × {side} px, made by copy, paste and jitter from seed {pasted.seed}."
    return Page(
        run.path.resolve().name, "CoDo views", lead, [Section("Views", [*first_views_text(run), gallery])], FOOTER
    )
