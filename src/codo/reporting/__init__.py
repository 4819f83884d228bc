"""Reports: offline HTML pages, made from the files of a run or catalog, never from live objects.

* ``report``: writes ``report.html`` of a run, and of the demo; ``view``: the pages of ``codo view``.
* ``pretraining``, ``finetuning``: the pages of the two kinds of runs; ``common``: their shared parts.
* ``answers_section``: loss, right answers and examples of methods without levels.
* ``health_section``: the verdict on a run and its alarms; ``average_precision``: COCO's numbers as table and figure.
* ``catalog_page``: images with proposals, sizes, rejected files.
* ``detections_page``, ``detection_gallery``, ``error_plots``: detections next to the ground truth, and their errors.
* ``html``: building blocks of pages: content blocks, plots as inline SVG, images as data URIs, templates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.reporting.report import write_report as write_report
    from codo.reporting.view import ViewSettings as ViewSettings
    from codo.reporting.view import view as view
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "ViewSettings": "view",
            "view": "view",
            "write_report": "report",
        },
    )
