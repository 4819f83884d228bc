"""``codo plan``: estimates time, memory, CPU cores, network traffic and storage of a run without running it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from codo.catalog.catalog import is_catalog, open_catalog
from codo.contrast.bn_groups import groups_per_rank
from codo.core.config import nest, resolve
from codo.core.errors import InputError
from codo.core.recipe_width import without_recipe_width
from codo.loading.sampler import check_batch
from codo.methods.registry import find_method, name_notes
from codo.planning import traffic
from codo.planning.costs import UnitCost, UnitCosts, unit_costs
from codo.planning.estimate import Estimate, Kind, Line, weakest
from codo.planning.flop_counter import Step, count_step
from codo.planning.gathered_negatives import gathered_logits
from codo.training.freezing import check_unfreezing
from codo.training.pretrain import recipe_of_method
from codo.training.pretrain_settings import PretrainSettings, length, method_setup

GPUS_PER_NODE = 8
GPU = "H100 SXM"
"""What the unit costs of a GPU are for (costs.yaml)."""
LAUNCH = 4e-6
"""Approximate seconds to launch one operator on the GPU; used only to warn if launches dominate the time."""


class PlanSettings(PretrainSettings):
    """A planned run: all settings of pretraining, and the machines to use."""

    foregrounds: str = Field("", description="the run's catalog, if it already exists: its images are counted")
    out: str = Field("", description="not used")
    instead: ClassVar[Mapping[str, str]] = {**PretrainSettings.instead, "cores": "loader_cores"}

    gpus: int = Field(1, ge=1, description="number of GPUs on all nodes together")
    nodes: int | None = Field(None, ge=1, description="number of nodes; null: one for every 8 GPUs")
    loader_cores: int | None = Field(
        None, ge=1, description="cores of a node for loader processes; null: as many as the GPUs need"
    )
    images: int | None = Field(None, ge=1, description="number of training images; null: those of the catalog")
    background_images: int | None = Field(None, ge=0, description="number of background images; null: same as images")

    @model_validator(mode="before")
    @classmethod
    def _without_data(cls, values: Any) -> Any:
        """A plan needs no data."""
        if isinstance(values, dict) and find_method(values.get("method", "codo")).needs_backgrounds:
            return {"backgrounds": ["-"], **values}
        return values

    @property
    def on_nodes(self) -> int:
        """Number of nodes."""
        return self.nodes or math.ceil(self.gpus / GPUS_PER_NODE)


def plan(recipe: str | Path | None = None, **overrides: Any) -> Estimate:
    """Estimate the cost of a pretraining run; needs neither data nor a GPU.

    Args:
        recipe: Name of a shipped recipe, or a YAML file.
        **overrides: Settings, which replace the recipe's; ``gpus=``, ``nodes=``, ``images=``, ``background_images=``.

    Raises:
        InputError: Invalid settings, a run that training would refuse, or a method that cannot be counted.

    Example:
        >>> import codo
        >>> estimate = codo.plan("laptop", images=100_000)
        >>> estimate.line("memory", "floor").unit
        'GiB/GPU'
        >>> text = estimate.text()  # what codo plan prints
    """
    settings = resolve(PlanSettings, recipe or recipe_of_method(overrides), overrides)
    settings, _ = without_recipe_width(settings, nest(overrides))
    if settings.gpus % settings.on_nodes:
        what = f"{settings.gpus} GPUs do not divide over {settings.on_nodes} nodes"
        raise InputError(what, where="nodes", fix="choose another number")
    if settings.batch_size % settings.gpus:
        what = f"batch_size {settings.batch_size} does not divide over {settings.gpus} GPUs"
        raise InputError(what, where="batch_size", fix=f"choose a multiple of {settings.gpus}")
    if find_method(settings.method).shuffles:
        groups_per_rank(settings.contrast.bn_groups, settings.batch_size, settings.gpus)  # the check of training
    known = unit_costs()
    images, counted = _images(settings, known)
    # The checks of training, before the counting, which takes seconds.
    check_batch(images, settings.batch_size, settings.gpus)
    steps, _ = length(settings, images)
    check_unfreezing(settings.model, steps)
    step = count_step(settings, settings.batch_size // settings.gpus, images)
    step.operations.each += gathered_logits(settings, step.samples, step.views, step.levels)
    return estimate(settings.model_copy(update={"images": images}), counted, step, known)


def estimate(settings: PlanSettings, counted: tuple[Kind, str], step: Step, known: UnitCosts) -> Estimate:
    """The estimate of a run whose images and step have been counted.

    Args:
        settings: The run's settings with ``images`` filled in.
        counted: How certain the number of images is, and its source.
        step: One GPU's share of a step.
        known: The unit costs.
    """
    gpus, nodes, images = settings.gpus, settings.on_nodes, settings.images or 0
    steps, _ = length(settings, images)
    lines = [
        Line("run", "images", images, "", *counted),
        Line("run", "steps", steps, "", counted[0], "steps=, or epochs= x images / batch_size"),
        Line("run", "GPUs", gpus, "", "given", f"{nodes} x {gpus // nodes} of {GPU}; {step.samples} samples on each"),
    ]
    compute = _compute(settings, step, known, lines)
    seconds, certain = _time(settings, step, compute, known, lines)
    sure = weakest(certain, counted[0])
    hours = steps * seconds / 3600
    lines += [
        Line("time", "hours", hours, "h", sure, "steps x step, if the loader keeps up"),
        Line("time", "GPU-hours", hours * gpus, "h", sure, "hours x GPUs"),
        Line("memory", "weights", step.weights / 2**30, "GiB/GPU", "calculated", "with gradients, momentum, queues"),
        Line("memory", "activations", step.saved / 2**30, "GiB/GPU", "calculated", "kept for the backward pass"),
        Line(
            "memory", "floor", step.memory / 2**30, "GiB/GPU", "calculated", f"of {known.gpu_memory.value / 2**30:.0f}"
        ),
    ]
    _data(settings, step, counted[0], settings.batch_size / seconds, certain, known, lines)
    return Estimate(lines, _sources(known), _warnings(settings, counted[0], step, known))


def _roofline(settings: PlanSettings, step: Step, known: UnitCosts) -> float:
    """Seconds of computation on a GPU in a step that reaches the roofline in the precision of the run."""
    rate = known.gpu_flops_fp32 if settings.precision == "fp32" else known.gpu_flops
    return step.operations.seconds(rate.value, known.gpu_bandwidth.value)


def _compute(settings: PlanSettings, step: Step, known: UnitCosts, lines: list[Line]) -> float:
    """Seconds of computation on a GPU in a step."""
    roofline = _roofline(settings, step, known)
    how = f"operator by operator, an H100's in {'float32' if settings.precision == 'fp32' else 'bfloat16'}"
    work = step.operations.flops / step.samples / 1e9
    reached = f"{known.efficiency.value:.0%} of the roofline"
    lines += [
        Line("step", "parameters", step.trained / 1e6, "M", "calculated", "trained ones"),
        Line("step", "work", work, "GFLOP/sample", "calculated", f"{step.views} views"),
        Line("step", "roofline", 1e6 * roofline / step.samples, "us/sample", "read", how),
        Line("step", "compute", 1e3 * roofline / known.efficiency.value, "ms", known.efficiency.kind, reached),
    ]
    return roofline / known.efficiency.value


def _time(
    settings: PlanSettings, step: Step, compute: float, known: UnitCosts, lines: list[Line]
) -> tuple[float, Kind]:
    """Seconds of a step including the network, and how certain they are."""
    gpus, batch = settings.gpus, settings.batch_size
    speed = known.network_bandwidth if settings.on_nodes > 1 else known.link_bandwidth
    gradients = traffic.gradients(step.trained, gpus)
    # Without key encoder the gradients of the gathered embeddings are added up over the GPUs, which costs two gathers.
    end_to_end = settings.contrast.keys == "end_to_end"
    keys = (3 if end_to_end else 1) * traffic.all_gather(step.gathered, gpus)
    lines.append(Line("network", "gradients", gradients / 1e6, "MB/GPU/step", "calculated", "ring all-reduce, float32"))
    if step.levels:
        avoided = traffic.images(batch, step.views, settings.canvas, gpus) / 1e6
        lines += [
            Line("network", "keys", keys / 1e6, "MB/GPU/step", "calculated", "one all-gather, all levels and views"),
            Line("network", "images", 0, "MB/GPU/step", "calculated", f"gathering key images: {avoided:,.0f}"),
        ]
    # The backward pass is at least two thirds of the computation, and gradients are sent during it. Keys are not
    # overlapped with computation.
    overlapped = max(compute, compute / 3 + gradients / speed.value)
    seconds = overlapped + keys / speed.value
    sure = weakest(known.efficiency.kind, speed.kind) if gpus > 1 else known.efficiency.kind
    waits = 1e3 * (seconds - compute)
    lines += [
        Line("network", "takes", waits, "ms/step", speed.kind, "keys, and what the backward pass does not hide"),
        Line("time", "step", 1e3 * seconds, "ms", sure, "compute and network"),
        Line("time", "samples/s", batch / seconds, "", sure, "batch / step"),
    ]
    return seconds, sure


def _data(
    settings: PlanSettings, step: Step, counted: Kind, rate: float, certain: Kind, known: UnitCosts, lines: list[Line]
) -> None:
    """Lines of loader, storage and preparation, at ``rate`` samples per second."""
    method, nodes, images = find_method(settings.method), settings.on_nodes, settings.images or 0
    views = step.views
    # With several GPUs a rank makes the query view of one sample and the key views of another (contrast/bn_groups.py).
    separate = settings.gpus > 1 and settings.contrast.bn_groups > 0 and method.shuffles
    core_seconds = known.pasted if method.needs_backgrounds else known.crops
    core = core_seconds(1) + core_seconds(views - 1) if separate else core_seconds(views)
    what = "query and keys of different samples" if separate else "all views of a sample"
    read = (1 + separate) * known.foreground_bytes.value + (
        views * known.background_bytes.value if method.needs_backgrounds else 0
    )
    lines += [
        Line("loader", "core time", 1e3 * core, "ms/sample", known.pasted_2.kind, what),
        Line("loader", "cores", rate * core / nodes, "/node", certain, "samples/s x core time, of such cores"),
        *_limited(settings, rate, core, certain),
        Line("loader", "reads", rate * read / nodes / 1e9, "GB/s/node", certain, "packed, from the node's own disks"),
    ]
    stored: list[tuple[str, int, Kind, UnitCost, str]] = [
        ("images", images, counted, known.foreground_bytes, "packed at 320")
    ]
    if method.needs_backgrounds:
        cost, given = known.background_bytes, settings.background_images
        if given is None:
            how = "packed at 256; as many as images, if background_images=N does not say it"
            stored.append(("backgrounds", images, "assumed", cost, how))
        else:
            stored.append(("backgrounds", given, "given", cost, "packed at 256"))
    stored.append(("originals", images, counted, known.original_bytes, "not needed once packed"))
    for name, number, known_by, size, how in stored:
        lines.append(Line("storage", name, number * size.value / 1e9, "GB", weakest(known_by, size.kind), how))
    if method.needs_proposals:
        hours = images * known.proposals.value / 3600
        sure = weakest(counted, known.proposals.kind)
        lines.append(Line("prepare", "proposals", hours, "core-h", sure, "once, at a longest side of 256"))
    if method.needs_saliency:
        hours, sure = images * known.saliency.value / 3600, weakest(counted, known.saliency.kind)
        lines.append(Line("prepare", "saliency", hours, "core-h", sure, "once a run, before its first step"))


def _limited(settings: PlanSettings, rate: float, core: float, certain: Kind) -> list[Line]:
    """The length of the run with the loader's cores that there are, if their number is given."""
    if settings.loader_cores is None:
        return []
    slower = min(rate, settings.loader_cores * settings.on_nodes / core)
    steps, _ = length(settings, settings.images or 0)
    hours = steps * settings.batch_size / slower / 3600
    what = "the loader is the bottleneck" if slower < rate else "the loader keeps up"
    return [
        Line("loader", "hours", hours, "h", certain, f"with {settings.loader_cores} cores a node: {what}"),
        Line("loader", "GPU-hours", hours * settings.gpus, "h", certain, "with these cores"),
    ]


def _images(settings: PlanSettings, known: UnitCosts) -> tuple[int, tuple[Kind, str]]:
    if settings.images is not None:
        return settings.images, ("given", "images=")
    if settings.foregrounds and is_catalog(settings.foregrounds):
        return len(open_catalog(settings.foregrounds, proposals=False)), ("calculated", "of the catalog")
    return int(known.images.value), ("assumed", f"{known.images.source}; set images=N to change it")


def _sources(known: UnitCosts) -> list[str]:
    """The sources of the unit costs, one line per source."""
    by_source: dict[tuple[str, str], list[str]] = {}
    for name, cost in known:
        by_source.setdefault((cost.kind, f"{cost.source} ({cost.date})"), []).append(f"{name} {cost.value:g}")
    return [f"{kind}: {', '.join(names)}: {source}" for (kind, source), names in by_source.items()]


def _warnings(settings: PlanSettings, counted: Kind, step: Step, known: UnitCosts) -> list[str]:
    warnings = ["the GPU's numbers are from publications, not measured; make bench-gpu measures your GPU"]
    if step.memory > 0.9 * known.gpu_memory.value:
        warnings.append("does not fit into the memory of a GPU: lower batch_size or use more gpus")
    operators = len(step.operations.each)
    if _roofline(settings, step, known) < operators * LAUNCH:
        what = f"{operators:,} operators are so small that launching them takes longer than computing them"
        warnings.append(f"{what}: the estimated times are far too short; use a larger batch per GPU, or compile=true")
    if settings.precision == "fp32":
        warnings.append(
            "precision=fp32: the rate is that of TF32, in which torch computes convolutions; matrix products are slower"
        )
    if settings.foregrounds and counted == "assumed":
        images = f"{settings.images or 0:,} images ({known.images.source})"
        warnings.append(f"no catalog at foregrounds={settings.foregrounds}: planned for {images}; set images=N")
    warnings += name_notes(settings.method, method_setup(settings))
    if settings.model.unfreeze_at is not None:
        warnings.append(
            f"counted as after step {settings.model.unfreeze_at}; steps before it need less time and memory"
        )
    if not step.whole_loss:
        warnings.append(f"the loss of {settings.method} is not counted, only its networks")
    if settings.gpus > 1 and not step.levels:
        warnings.append(f"network traffic of SyncBN and of the loss of {settings.method} is not included")
    return warnings
