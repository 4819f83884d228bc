"""The report of ``codo finetune``: average precision, training curves, detections, weights, settings."""

from __future__ import annotations

from pathlib import Path

from codo.advice.finetuning import finetuning_answer
from codo.advice.intervals import ap_intervals
from codo.advice.progress import Progress
from codo.core.errors import CodoError
from codo.core.numbers import number, precision
from codo.core.run import Run
from codo.core.run_files import config_of
from codo.evaluation.ap_values import KINDS, NAMES
from codo.evaluation.error_types import assign_errors, best_threshold
from codo.evaluation.load_detections import detections_of_run
from codo.evaluation.run_metrics import Metrics
from codo.evaluation.statistics import Interval
from codo.reporting.average_precision import ap_table
from codo.reporting.common import figure, figures, headline, run_page
from codo.reporting.detection_gallery import LEGEND, detection_cards, explain, worst_first
from codo.reporting.health_section import alarms_block
from codo.reporting.html.blocks import Block, Code, Details, Facts, Figure, Gallery, Page, Section, Table, Text
from codo.reporting.html.pictures import spread


def finetuning_page(run: Run, progress: Progress | None = None) -> Page:
    """The whole report of a finetuning run; parts whose files are missing are left out or replaced by a note.

    Args:
        run: The run.
        progress: How far it has come; by default it has ended.
    """
    metrics, config = Metrics(run.metrics()), config_of(run)
    kept = metrics.kept(config.get("early_stop"))
    lead = "A detector trained on labeled images and evaluated with COCO's metrics."
    sections = [
        summary_section(run, metrics),
        precision_section(metrics, kept),
        training_section(metrics),
        detections_section(run),
        weights_section(run),
    ]
    progress = progress or Progress.of_log(metrics, config, ended=True)
    intervals, evaluated = ap_noise(run, kept)
    answer = finetuning_answer(metrics, config, progress=progress, intervals=intervals, evaluated=evaluated)
    return run_page(run, metrics, "CoDo finetuning", lead, sections, answer)


def ap_noise(run: Run, metrics: Metrics) -> tuple[dict[str, Interval], int]:
    """Interval of AP of boxes and masks over the evaluation images, and their number; empty where they are gone."""
    found, images = {}, 0
    for kind in ("bbox", "segm"):
        value = metrics.last(f"ap/{kind}/AP")
        if value is None or value < 0:
            continue
        try:
            detections = detections_of_run(run, kind)
        except (CodoError, OSError):
            continue
        images = len(detections.image_results)
        if between := ap_intervals(detections, {"AP": value}).get("AP"):
            found[kind] = between
    return found, images


def summary_section(run: Run, metrics: Metrics) -> Section:
    """Headline facts."""
    config = config_of(run)
    kept = metrics.kept(config.get("early_stop"))
    batch = config.get("batch_size")
    facts = headline(run, metrics, batch if isinstance(batch, int) else 0)
    facts.append(("Weights", Path(str(config.get("weights", "–"))).name, "initial weights of the detector"))
    for kind, title in KINDS.items():
        if (value := kept.last(f"ap/{kind}/AP")) is not None:
            half = precision(kept.last(f"ap/{kind}/AP50"))
            facts.append((f"{title}: AP", precision(value), f"AP 50 {half}"))
    return Section("Summary", [Facts(facts), *alarms_block(run, metrics)])


def precision_section(metrics: Metrics, kept: Metrics) -> Section:
    """The twelve numbers of the detector that is ``kept``, AP by class where recorded, and AP over the steps."""
    last: dict[str, dict[str, float]] = {}
    blocks: list[Block] = []
    for kind, title in KINDS.items():
        values = {name: kept.last(f"ap/{kind}/{name}") for name in metrics.names(f"ap/{kind}") if name in NAMES}
        if values:
            last[title] = {name: value for name, value in values.items() if value is not None}
    if last:
        step = max(s.steps[-1] for kind in KINDS if (s := kept.series(f"ap/{kind}/AP")).steps)
        blocks.append(Text([f"On the validation images after step {number(step)}."]))
        blocks.append(ap_table(last))
        blocks += class_tables(kept)
        blocks += figures([_growth(metrics, kind, title) for kind, title in KINDS.items()])
    return Section("Average precision", blocks)


def class_tables(metrics: Metrics) -> list[Block]:
    """AP of every class, best first, from keys ``ap/bbox/class/NAME``."""
    blocks: list[Block] = []
    by_class = {kind: metrics.names(f"ap/{kind}/class") for kind in KINDS}
    classes = sorted({name for names in by_class.values() for name in names})
    if classes:
        kinds = [kind for kind in KINDS if by_class[kind]]
        values = {name: [metrics.last(f"ap/{kind}/class/{name}") for kind in kinds] for name in classes}
        ranked = sorted(classes, key=lambda name: -(values[name][0] or -1.0))
        rows = [[name, *(precision(value) for value in values[name])] for name in ranked]
        table = Table(["Class", *(KINDS[kind] for kind in kinds)], rows, "AP times 100 of each class, best first.")
        blocks.append(table if len(classes) <= 12 else Details(f"AP by class ({len(classes)})", [table]))
    return blocks


def _growth(metrics: Metrics, kind: str, title: str) -> Figure | None:
    """AP over the steps of training."""
    keys = {
        NAMES[name]: f"ap/{kind}/{name}" for name in ("AP", "AP50", "AP75") if metrics.series(f"ap/{kind}/{name}").steps
    }
    return figure(
        metrics,
        f"{title}: AP × 100",
        keys,
        "Average precision on the validation images, at each evaluation during training.",
        limits=(0, None),
        scale=100,
    )


def training_section(metrics: Metrics) -> Section:
    """Losses: the sum and its terms."""
    parts = {name.replace("_", " "): f"loss/{name}" for name in metrics.names("loss")}
    found = [
        figure(
            metrics,
            "Loss (sum of its terms)",
            {"loss": "loss"},
            "Sum of all losses of the detector.",
            limits=(0, None),
        ),
        figure(
            metrics,
            "Losses by term",
            parts,
            "Classification and box regression of the box head, objectness and box regression of the RPN, masks.",
            limits=(0, None),
        ),
    ]
    return Section("Training", figures(found))


def detections_section(run: Run, images: int = 8) -> Section:
    """Detections next to the ground truth, evenly from the worst image to the best."""
    heading = "Detections and ground truth"
    try:
        detections = detections_of_run(run)
    except (CodoError, OSError) as error:
        what = error.what if isinstance(error, CodoError) else str(error)
        return Section(heading, [Text([f"No pictures: {what}."])])
    assignments = [assign_errors(image_result) for image_result in detections.image_results]
    threshold = best_threshold(assignments)
    ranked = worst_first(assignments, threshold)
    chosen = [ranked[i] for i in spread(len(ranked), images)]
    count = f"{len(chosen)} of {number(len(assignments))} images"
    caption = f"{count}, evenly from the worst to the best; `codo view` shows more."
    cards = detection_cards(chosen, detections.classes, threshold, threshold)
    return Section(heading, [Gallery(cards, f"{caption} {explain(assignments, threshold)}", LEGEND, span=24)])


def weights_section(run: Run) -> Section:
    """Which tensors of the initial weights were used."""
    path = run.path / "load_report.txt"
    if not path.is_file():
        return Section("Initial weights", [])
    text = path.read_text(encoding="utf-8", errors="replace").rstrip()
    return Section("Initial weights", [Code(text, "Tensors of the weight file matched with the detector's.")])
