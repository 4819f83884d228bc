"""Writes ``report.html``: of one run, or of the demo, which is several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from codo.core.run import Run
from codo.core.run_files import config_of
from codo.evaluation.run_metrics import Metrics
from codo.reporting.common import FOOTER, origin_section
from codo.reporting.comparison import Results, comparison, sentence
from codo.reporting.detection_gallery import comparison_gallery
from codo.reporting.finetuning import finetuning_page
from codo.reporting.html.blocks import Page, Section, Text
from codo.reporting.html.page import write_page
from codo.reporting.pretraining import (
    curves_section,
    invariance_section,
    picture_sections,
    pretraining_page,
    summary_section,
)


def write_report(run: Run) -> Path:
    """Write the report of a run into its directory, from its files alone.

    Parts whose files are missing (no metrics yet, catalogs moved away) are left out or say so; nothing of it can fail a
    run that has just finished training.

    Returns:
        The page, ``RUN/report.html``.
    """
    page = finetuning_page(run) if run.verb == "finetune" else pretraining_page(run)
    return write_page(page, run.path / "report.html")


def write_demo_report(
    out: str | Path,
    *,
    title: str,
    label: str,
    results: Results,
    baseline: str,
    candidate: str,
    pretrained: Run | None = None,
    finetuned: Mapping[str, Run] | None = None,
    sections: Sequence[Section] = (),
) -> Path:
    """Write one page over a pretraining run and finetunings from several initializations.

    Args:
        out: The file to write.
        title: The page's name.
        label: What this is and what it is not, shown first (``A demonstration on rendered scenes, not a benchmark.``).
        results: COCO's numbers by initialization and seed, see `codo.reporting.comparison`.
        baseline: The initialization that the others are compared with.
        candidate: The initialization that the page is about.
        pretrained: The pretraining run behind ``candidate``.
        finetuned: One run of each initialization (of the same seed) whose detections are shown beside each other.
        sections: More to show, after the results.

    Returns:
        ``out``.
    """
    content = [
        Section("What came out", [Text([sentence(results, candidate, baseline)]), *comparison(results, baseline)])
    ]
    if finetuned:
        content.append(comparison_gallery(finetuned))
    content += sections
    if pretrained is not None:
        metrics = Metrics(pretrained.metrics())
        summary = summary_section(pretrained, metrics)
        content.append(Section("Pretraining", summary.blocks))
        content += [curves_section(metrics, config_of(pretrained)), invariance_section(metrics)]
        content += picture_sections(pretrained)
        content.append(origin_section(pretrained))
    page = Page(title, "CoDo demo", label, content, FOOTER)
    return write_page(page, Path(out))
