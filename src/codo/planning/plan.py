"""``codo plan``: time, memory, cores, traffic and storage of a run, on paper.

A line is *calculated* (from the settings and the model), *measured* or *read* elsewhere (`costs`), *given* by the user,
or *assumed*. Where a line rests on several, it is named after the weakest of them; nothing on paper is more certain than
that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from codo.catalog.catalog import is_catalog, open_catalog
from codo.config import resolve
from codo.contrast.shuffle import groups_per_rank
from codo.errors import InputError
from codo.methods.registry import find_method
from codo.models.encoder import LEVELS
from codo.planning import traffic
from codo.planning.costs import Costs, costs
from codo.planning.work import Step, count_step
from codo.training.settings import PretrainSettings, length

Kind = Literal["given", "calculated", "measured", "read", "assumed", "target"]
CERTAINTY: tuple[Kind, ...] = ("given", "calculated", "measured", "read", "assumed", "target")
GPUS_PER_NODE = 8
BOX_BYTES = 8  # four uint16


class PlanSettings(PretrainSettings):
    """A run that is planned: all settings of the run, and the machines it is to have."""

    foregrounds: str = Field("", description="its catalog, if it is there already")
    out: str = Field("", description="not used")
    gpus: int = Field(1, ge=1, description="GPUs of all nodes")
    nodes: int | None = Field(None, ge=1, description="nodes; null: one for every 8 GPUs")
    images: int | None = Field(None, ge=1, description="images to learn from; null: those of the catalog")
    background_images: int | None = Field(None, ge=0, description="images of the backgrounds; null: as many")

    @model_validator(mode="before")
    @classmethod
    def _without_data(cls, values: Any) -> Any:
        """A plan needs no data."""
        if isinstance(values, dict) and find_method(values.get("method", "codo")).pastes:
            return {"backgrounds": ["-"], **values}
        return values


class Line(NamedTuple):
    """One line of a plan.

    Attributes:
        topic: What it belongs to.
        what: The quantity.
        value: In ``unit``.
        unit: Its unit.
        kind: The weakest of what it rests on.
        how: How it was found.
    """

    topic: str
    what: str
    value: float
    unit: str
    kind: Kind
    how: str


class Plan(NamedTuple):
    """What a run is expected to cost.

    Attributes:
        lines: All of it.
        warnings: What will not work like this.
    """

    lines: list[Line]
    warnings: list[str]

    def __getitem__(self, what: Any) -> Any:
        """The line of a quantity by its name."""
        return next(line for line in self.lines if line.what == what)

    def text(self) -> str:
        """One screen."""
        rows = [(l.topic, l.what, _short(l.value), l.unit, l.kind, l.how) for l in self.lines]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        shown, before = [], ""
        for topic, what, value, unit, kind, how in rows:
            head = topic if topic != before else ""
            before = topic
            shown.append(
                f"{head:<{widths[0]}}  {what:<{widths[1]}}  {value:>{widths[2]}} {unit:<{widths[3]}}  "
                f"{kind:<{widths[4]}}  {how}"
            )
        return "\n".join([*shown, *(f"! {warning}" for warning in self.warnings)])


def plan(recipe: str | Path | None = None, **overrides: Any) -> Plan:
    """Say what a run of CoDo will cost.

    Args:
        recipe: Name of a shipped recipe, or a YAML file.
        **overrides: Settings on top of it, and ``gpus=``, ``nodes=``, ``images=``, ``background_images=``.

    Raises:
        InputError: Wrong settings, or a method that is not counted.
    """
    settings = resolve(PlanSettings, recipe, overrides)
    if "box_head" not in find_method(settings.method).parts:
        fix = "plan one that trains a detector trunk: codo, codo_m or insloc"
        raise InputError(f"method {settings.method} is not counted", where="method", fix=fix)
    nodes = settings.nodes or math.ceil(settings.gpus / GPUS_PER_NODE)
    if settings.gpus % nodes:
        raise InputError(f"{settings.gpus} GPUs do not divide over {nodes} nodes", where="nodes", fix="choose another")
    groups = groups_per_rank(settings.contrast.shuffle, settings.batch_size, settings.gpus)
    step = count_step(
        settings.model,
        batch=settings.batch_size // settings.gpus,
        views=settings.views,
        groups=groups,
        canvas=settings.canvas,
        queue=settings.contrast.queue,
    )
    return put_together(settings, nodes, step, costs())


def put_together(settings: PlanSettings, nodes: int, step: Step, known: Costs) -> Plan:
    """The plan of a run whose step has been counted."""
    gpus, batch, views = settings.gpus, settings.batch_size, settings.views
    images, how_many = _images(settings, known)
    lines = [
        Line("run", "images", images, "", *how_many),
        Line("run", "GPUs", gpus, "", "given", f"{nodes} nodes of {gpus // nodes}; a batch of {batch // gpus} on each"),
    ]
    # The step.
    ideal = step.operations.seconds(known.gpu_flops.value, known.gpu_bandwidth.value)
    lines += [
        Line("step", "trained parameters", step.trained / 1e6, "M", "calculated", "the model on the meta device"),
        Line(
            "step", "work", step.operations.flops / (batch / gpus) / 1e9, "GFLOP/sample", "calculated", f"{views} views"
        ),
        Line(
            "step",
            "roofline",
            1e6 * ideal / (batch / gpus),
            "us/sample",
            known.gpu_flops.kind,
            f"calculated operators, {_source(known.gpu_flops)}",
        ),
        Line("step", "compute", 1e3 * ideal / known.efficiency.value, "ms", *_of(known.efficiency)),
    ]
    # The network.
    slow = known.network_bandwidth if nodes > 1 else known.link_bandwidth
    moved = traffic.gradients(step.trained, gpus)
    keys = traffic.keys(batch, views, len(LEVELS), settings.model.dim, gpus)
    avoided = traffic.images(batch, views, settings.canvas, gpus)
    lines += [
        Line("network", "gradients", moved / 1e6, "MB/GPU/step", "calculated", "ring all-reduce, float32"),
        Line("network", "gradients take", 1e3 * moved / slow.value, "ms", *_of(slow)),
        Line("network", "keys", keys / 1e6, "MB/GPU/step", "calculated", "one all-gather for all levels and views"),
        Line("network", "keys take", 1e3 * keys / slow.value, "ms", *_of(slow)),
        Line("network", "images", 0.0, "MB/GPU/step", "calculated", f"shuffled images would be {avoided / 1e6:.0f} MB"),
    ]
    # Two thirds of the compute are the backward pass at least; gradients move behind it, keys are waited for.
    compute = ideal / known.efficiency.value
    whole = max(compute, compute / 2 + moved / slow.value) + keys / slow.value
    steps, _ = length(settings, images)
    rate = batch / whole
    weakest = _weakest([known.efficiency.kind, how_many[0], *([slow.kind] if gpus > 1 else [])])
    lines += [
        Line("time", "step", 1e3 * whole, "ms", weakest, "compute, keys, and gradients that half of it does not hide"),
        Line("time", "samples/s", rate, "", weakest, "batch / step"),
        Line("time", "steps", steps, "", how_many[0], "steps=, or epochs= of these images"),
        Line("time", "hours", steps * whole / 3600, "h", weakest, "if the loader keeps up"),
        Line("time", "GPU-hours", steps * whole / 3600 * gpus, "h", weakest, "hours x GPUs"),
    ]
    # Memory.
    free = known.gpu_memory.value
    lines += [
        Line("memory", "weights", step.weights / 2**30, "GiB/GPU", "calculated", "weights, gradients, momentum, queues"),
        Line("memory", "activations", step.saved / 2**30, "GiB/GPU", "calculated", "kept for the backward pass, bf16"),
        Line("memory", "floor", step.memory / 2**30, "GiB/GPU", "calculated", f"of {free / 2**30:.0f} GiB"),
    ]
    lines += _data_lines(settings, nodes, images, how_many[0], rate, weakest, known)
    warnings = []
    if step.memory > 0.9 * free:
        warnings.append("does not fit into the memory of a GPU: lower batch_size or take more gpus")
    return Plan(lines, warnings)


def _data_lines(
    settings: PlanSettings, nodes: int, images: int, sure: Kind, rate: float, weakest: Kind, known: Costs
) -> list[Line]:
    """Loader and storage."""
    views = settings.views
    # With several GPUs a rank makes the query view of one sample and the key views of another (contrast/shuffle.py).
    apart = settings.gpus > 1 and settings.contrast.shuffle > 0
    core = known.views(1) + known.views(views - 1) if apart else known.views(views)
    what = "query and keys of different samples" if apart else "all views of a sample"
    backgrounds = images if settings.background_images is None else settings.background_images
    foreground, background = (images * known.foreground_bytes.value, backgrounds * known.background_bytes.value)
    # A view reads its background, a sample its foreground (twice where query and keys are apart).
    read = rate * ((1 + apart) * known.foreground_bytes.value + views * known.background_bytes.value)
    queue = len(LEVELS) * settings.contrast.queue * settings.model.dim * 4
    made = [known.proposals.kind, sure]
    return [
        Line("loader", "core time", 1e3 * core, "ms/sample", known.views_1.kind, f"{what}; {_source(known.views_1)}"),
        Line("loader", "cores", rate * core / nodes, "/node", weakest, "samples/s x core time, on such cores"),
        Line("loader", "reads", read / nodes / 1e9, "GB/s/node", weakest, "from packed catalogs on local disks"),
        Line("storage", "foregrounds", foreground / 1e9, "GB", _weakest([sure, known.foreground_bytes.kind]), "packed at 320"),
        Line("storage", "backgrounds", background / 1e9, "GB", _weakest([sure, known.background_bytes.kind]), "packed at 256"),
        Line("storage", "originals", images * known.original_bytes.value / 1e9, "GB", _weakest([sure, known.original_bytes.kind]), "not needed once packed"),
        Line("storage", "queue", queue / 1e9, "GB", "calculated", "in each of the checkpoints that are kept"),
        Line("prepare", "proposals", images * known.proposals.value / 3600, "core-h", _weakest(made), _source(known.proposals)),
    ]


def _images(settings: PlanSettings, known: Costs) -> tuple[int, tuple[Kind, str]]:
    if settings.images is not None:
        return settings.images, ("given", "images=")
    if settings.foregrounds and is_catalog(settings.foregrounds):
        return len(open_catalog(settings.foregrounds, proposals=False)), ("calculated", "of the catalog")
    return int(known.images.value), ("assumed", f"{known.images.source}; images=N says otherwise")


def _of(cost: Any) -> tuple[Kind, str]:
    return cost.kind, _source(cost)


def _source(cost: Any) -> str:
    return f"{cost.source} ({cost.date})"


def _weakest(kinds: Sequence[Kind]) -> Kind:
    return max(kinds, key=CERTAINTY.index)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
