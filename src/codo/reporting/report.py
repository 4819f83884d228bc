"""Writes ``report.html`` of a run, and of the demo, which shows several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from codo.advice.answer import Answer
from codo.advice.progress import Progress
from codo.core.run import Run
from codo.evaluation.health import HealthReference
from codo.evaluation.run_metrics import Metrics
from codo.reporting.common import FOOTER, origin_section
from codo.reporting.detection_gallery import comparison_gallery
from codo.reporting.finetuning import finetuning_page
from codo.reporting.html.blocks import Page, Section
from codo.reporting.html.page import write_page
from codo.reporting.pretraining import (
    curves_section,
    invariance_section,
    picture_sections,
    pretraining_page,
    summary_section,
)


def run_report(run: Run, progress: Progress | None = None) -> Page:
    """The report of a run, which has ended unless ``progress`` says otherwise."""
    return finetuning_page(run, progress) if run.verb == "finetune" else pretraining_page(run, progress)


def write_report(run: Run) -> Path:
    """Write the report of a run that has ended into its directory, from its files.

    Parts whose files are missing (no metrics yet, catalogs that were moved) are left out or replaced by a note.

    Returns:
        The page, ``RUN/report.html``.
    """
    return write_page(run_report(run), run.path / "report.html")


def write_demo_report(
    out: str | Path,
    *,
    title: str,
    label: str,
    answer: Answer,
    results: Sequence[Section],
    pretrained: Run,
    finetuned: Mapping[str, Run],
) -> Path:
    """Write one page over a pretraining run and finetunings from several initializations.

    Args:
        out: The file to write.
        title: The page's name.
        label: What the numbers mean, shown first (``A demonstration on rendered scenes, not a benchmark.``).
        answer: The conclusion of the comparison.
        results: The result sections of the comparison.
        pretrained: The pretraining run that one of the initializations comes from.
        finetuned: One run of each initialization (of the same seed), whose detections are shown side by side.

    Returns:
        ``out``.
    """
    metrics = Metrics(pretrained.metrics())
    content = [
        *results,
        comparison_gallery(finetuned),
        Section("Pretraining", summary_section(pretrained, metrics).blocks),
        curves_section(metrics, HealthReference.read(pretrained)),
        invariance_section(metrics),
        *picture_sections(pretrained),
        origin_section(pretrained),
    ]
    page = Page(title, "CoDo demo", label, content, FOOTER, answer)
    return write_page(page, Path(out))
