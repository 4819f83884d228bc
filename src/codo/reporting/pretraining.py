"""The report of ``codo pretrain``: health, curves, probes, proposals and views, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codo.advice.answer import Answer
from codo.advice.pretraining import pretraining_answer
from codo.advice.progress import Progress
from codo.catalog.catalog import Catalog
from codo.core.errors import CodoError
from codo.core.numbers import compact, number, percent
from codo.core.run import Run
from codo.core.run_files import config_of
from codo.evaluation.health import HealthReference
from codo.evaluation.run_metrics import Metrics
from codo.evaluation.start_warnings import view_warnings
from codo.loading.first_views import FirstViews
from codo.loading.pasted_views import PastedViews
from codo.loading.run_views import open_views
from codo.methods.localization import TASKS
from codo.reporting.answers_section import answers_section
from codo.reporting.common import by_level, figure, figures, headline, run_page
from codo.reporting.health_section import alarms_block, health_block
from codo.reporting.html.blocks import Block, Facts, Gallery, Page, Section, Text
from codo.reporting.html.pictures import PROPOSAL_LEGEND, VIEW_LEGEND, proposal_card, spread, views_card
from codo.reporting.probes_section import probes_section


def pretraining_page(run: Run, progress: Progress | None = None) -> Page:
    """The whole report of a pretraining run; parts whose files are missing are left out or replaced by a note.

    Args:
        run: The run.
        progress: How far it has come; by default it has ended.
    """
    metrics = Metrics(run.metrics())
    lead = "Backbone, feature pyramid and box head, pretrained without labels."
    sections = [
        summary_section(run, metrics, "Health checks"),
        curves_section(metrics, HealthReference.read(run)),
        answers_section(run, metrics),
        invariance_section(metrics),
        probes_section(metrics),
        *picture_sections(run),
    ]
    return run_page(run, metrics, "CoDo pretraining", lead, sections, conclusion(run, metrics, progress))


def conclusion(run: Run, metrics: Metrics, progress: Progress | None = None) -> Answer:
    """The conclusion of a pretraining run; see `pretraining_page`."""
    config = config_of(run)
    return pretraining_answer(
        metrics,
        HealthReference.read(run),
        config,
        out=str(run.path),
        progress=progress or Progress.of_log(metrics, config, ended=True),
        probes=_probed(config),
    )


def _probed(config: Mapping[str, Any]) -> int | None:
    """Number of proposals in the invariance probe: whole groups, at most one proposal of each foreground image."""
    try:
        images, wanted, group = len(open_views(config)[0]), config["probe"]["proposals"], config["probe"]["group"]
    except (CodoError, OSError, KeyError, TypeError):
        return None
    size = min(int(group), images)
    return max(1, min(int(wanted), images) // size) * size


def summary_section(run: Run, metrics: Metrics, heading: str = "") -> Section:
    """Headline facts, the health verdict (see `health_block` for ``heading``), and the alarms."""
    config = config_of(run)
    batch, views = _int_or_zero(config.get("batch_size")), _int_or_zero(config.get("views"))
    epoch = metrics.last("epoch")
    samples = f"{compact(metrics.last_step * batch)}" if metrics.last_step is not None and batch else "–"
    facts = headline(run, metrics, batch * views)
    facts.insert(-2, ("Samples", samples, f"batch {batch}, {views} views" + _epochs(epoch)))
    more = " and localization" if config.get("localization") else ""
    if (loss := metrics.series("loss").end) is not None:
        facts.append(("Final loss", number(loss), f"sum over the levels{more}, mean of the last tenth"))
    if (score := metrics.last("invariance")) is not None:
        facts.append(("Background invariance", percent(score), f"chance {percent(metrics.last('invariance_chance'))}"))
    health = health_block(metrics, HealthReference.read(run), heading)
    return Section("Summary", [Facts(facts), *health, *alarms_block(run, metrics)])


def curves_section(metrics: Metrics, reference: HealthReference) -> Section:
    """Loss and statistics of the embeddings by level, with reference values of random embeddings."""
    levels = ", ".join(metrics.names("loss"))
    found = [
        figure(
            metrics,
            "Loss by level (nats)",
            by_level(metrics, "loss"),
            "InfoNCE at each pyramid level. The dashed line is the loss of guessing among the positive and all K "
            "negatives. With a queue it may rise first, while real keys replace noise.",
            references=[("ln(K+1)", reference.chance_loss)],
        ),
        figure(
            metrics,
            "Top-1 among the negatives (%)",
            by_level(metrics, "top1"),
            "How often the positive is more similar than every negative. In healthy runs it rises late and slowly.",
            limits=(0, None),
            scale=100,
        ),
        figure(
            metrics,
            "Similarity to the positive (cosine)",
            by_level(metrics, "positive"),
            "Mean similarity of the two views of a proposal. It should stay well above that of the negatives.",
        ),
        figure(
            metrics,
            "Similarity to the negatives (cosine)",
            by_level(metrics, "negative"),
            "Mean similarity to the negatives. It falls towards 0 as the embeddings spread over the sphere.",
            references=[("spread out", 0.0)],
        ),
        figure(
            metrics,
            "Embedding std per dimension",
            by_level(metrics, "std"),
            "Spread of the query embeddings. The dashed line is a uniform spread over the sphere; 0 is collapse.",
            references=[("1/√D", reference.uniform_std)],
            limits=(0, None),
        ),
        figure(
            metrics,
            "Norm of the mean embedding",
            by_level(metrics, "mean_norm"),
            "1 if all embeddings point in one direction (collapse), near 0 if they point in all directions.",
            references=[("one point", 1.0)],
            limits=(0, None),
        ),
        figure(
            metrics,
            "Effective rank (RankMe)",
            by_level(metrics, "rank"),
            "Effective number of dimensions of the embeddings of a batch, at most D.",
            limits=(0, None),
        ),
        *(figure(metrics, f"Localization: {t} (loss)", by_level(metrics, t), "Of the pasted object.") for t in TASKS),
    ]
    intro = f"One curve for each pyramid level ({levels}), labeled at its right end." if levels else ""
    blocks = figures(found)
    return Section("Curves", [Text([intro]), *blocks] if intro and blocks else blocks)


def invariance_section(metrics: Metrics) -> Section:
    """The background-invariance score, with its chance level and its first value."""
    found = figure(
        metrics,
        "Background-invariance score (%)",
        {"score": "invariance"},
        "Share of probe canvases whose nearest neighbor shows the same proposal on another background, among "
        "distractors that include other proposals on the same background.",
        references=[("chance", metrics.last("invariance_chance"))],
        limits=(0, None),
        scale=100,
    )
    if found is None:
        return Section("Background invariance", [])
    series = metrics.series("invariance")
    text = f"From {percent(series.values[0])} at step {number(series.steps[0])} to {percent(series.values[-1])}."
    note = "An untrained network is above chance too, because colors differ; so compare with the first value."
    return Section("Background invariance", [Text([f"{text} {note}"]), *figures([found])])


def picture_sections(run: Run, images: int = 8, samples: int = 4) -> list[Section]:
    """Proposals on catalog images, and views as the networks see them; a note if a catalog cannot be opened."""
    blocks: list[tuple[str, list[Block]]] = []
    config = config_of(run)
    if "backgrounds" in config and not config["backgrounds"].get("query"):
        return []  # a method that pastes nothing
    try:
        pasted, views = open_views(config)
        if pasted.cpj.settings.proposal != "whole":
            blocks.append(("Proposals", [proposals_gallery(pasted.foregrounds, images)]))
        blocks.append(("Training views", [*first_views_text(run), views_gallery(pasted, views, samples)]))
    except (CodoError, OSError) as error:
        what = error.what if isinstance(error, CodoError) else str(error)
        blocks.append(("Pictures", [Text([f"No pictures: the images of this run can no longer be read ({what})."])]))
    return [Section(heading, content) for heading, content in blocks]


def first_views_text(run: Run) -> list[Block]:
    """What the views of the first batch show of their proposals; empty if it was not measured."""
    first = FirstViews.read(run)
    if first is None:
        return []
    words = first.words()
    return [Text([f"{words[0].upper()}{words[1:]}.", *view_warnings(first)])]


def proposals_gallery(catalog: Catalog, images: int) -> Gallery:
    """A few images of a catalog with their proposals."""
    cards = [proposal_card(catalog, i, least=0.75) for i in spread(len(catalog), images)]
    caption = (
        f"{len(cards)} of the {number(len(catalog))} foreground images, spread evenly over the catalog, each with a "
        "quarter of its proposals."
    )
    return Gallery(cards, caption, PROPOSAL_LEGEND)


def views_gallery(pasted: PastedViews, views: int, samples: int, epoch: int = 0) -> Gallery:
    """The views of a few samples, next to the proposal they show."""
    cards = [views_card(pasted, epoch, i, views) for i in spread(len(pasted), samples)]
    caption = (
        "Copy, paste, jitter: each row is one sample of the first epoch. All its views show the same proposal, "
        "differently cropped, colored and placed, on different backgrounds."
    )
    return Gallery(cards, caption, VIEW_LEGEND, span=min(44, 10 * (views + 1)))


def _int_or_zero(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _epochs(epoch: float | None) -> str:
    return f", epoch {number(int(epoch) + 1)}" if epoch is not None else ""
