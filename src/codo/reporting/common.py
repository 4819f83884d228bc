"""Shared parts of the reports of runs: curves, speed, settings and environment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from codo.advice.answer import Answer
from codo.core.config import flatten
from codo.core.numbers import MISSING, duration, number
from codo.core.run import Run
from codo.core.run_files import commands_of, config_of, environment_of, recipe_of
from codo.evaluation.health import SLOW_WAIT, WAIT
from codo.evaluation.run_metrics import Metrics
from codo.reporting.health_section import loader_note
from codo.reporting.html.blocks import Block, Code, Details, Figure, Figures, Page, Section, Table
from codo.reporting.html.plots import MAX_POINTS, Line, Reference, curves, describe, numbers_of

FOOTER = (
    "Made by codo from the files of the run or catalog. This page needs no network and runs no third-party code. "
    f"Curves of more than {MAX_POINTS} logged steps show means of neighboring steps."
)


def run_page(run: Run, metrics: Metrics, kicker: str, lead: str, sections: Sequence[Section], answer: Answer) -> Page:
    """The page of a run: its conclusion, the given sections, then speed and origin."""
    common = [speed_section(metrics), origin_section(run)]
    return Page(run.path.resolve().name, kicker, lead, [*sections, *common], FOOTER, answer)


def figure(
    metrics: Metrics,
    title: str,
    keys: Mapping[str, str],
    caption: str,
    *,
    references: Sequence[tuple[str, float | None]] = (),
    limits: tuple[float | None, float | None] = (None, None),
    scale: float = 1.0,
    log: bool = False,
) -> Figure | None:
    """Curves of the log as a figure, or ``None`` when none of the keys was logged.

    Args:
        metrics: The log.
        title: The quantity, with its unit.
        keys: Name of each curve -> key in the log.
        caption: Text below the figure.
        references: ``(name, value)`` of horizontal lines; those without a value are left out.
        limits: Lowest and highest value shown, after scaling.
        scale: Factor on values and references: 100 for percent.
        log: Logarithmic axis; used only if all values are positive.
    """
    series = {name: metrics.series(key) for name, key in keys.items()}
    lines = [Line(name, s.steps, [scale * v for v in s.values]) for name, s in series.items() if s.end is not None]
    if not lines:
        return None
    known = [Reference(scale * value, name) for name, value in references if value is not None]
    positive = all(v > 0 for line in lines for v in line.y if math.isfinite(v))
    svg = curves(lines, references=known, limits=limits, log=log and positive)
    return Figure(title, svg, caption, describe(title, lines, known), numbers_of(lines))


def by_level(metrics: Metrics, group: str) -> dict[str, str]:
    """Level -> key, for every level that was logged."""
    return {name: f"{group}/{name}" for name in metrics.names(group)}


def figures(found: Sequence[Figure | None]) -> list[Block]:
    """The figures that are not ``None`` as a block; no block when there are none."""
    kept = [f for f in found if f is not None]
    return [Figures(kept)] if kept else []


def speed_section(metrics: Metrics) -> Section:
    """Learning rate, gradient, throughput, data wait and memory."""
    found = [
        figure(metrics, "Learning rate", {"lr": "lr"}, "As scheduled, at each logged step."),
        figure(
            metrics,
            "Gradient norm",
            {"gradient": "grad_norm"},
            "Norm of the gradient of all weights; a jump by orders of magnitude often precedes divergence.",
            log=True,
        ),
        figure(
            metrics,
            "Throughput (images per second)",
            {"images/s": "time/images_per_s"},
            "Training throughput over all processes; every view counts as an image.",
            limits=(0, None),
        ),
        figure(
            metrics,
            "Waiting for data (% of the time)",
            {"wait": WAIT},
            "Share of the time in which training waits for the loader. Above the line the loader is the bottleneck.",
            references=[("alarm", SLOW_WAIT)],
            limits=(0, None),
            scale=100,
        ),
        figure(
            metrics,
            "Peak memory (GiB)",
            {"memory": "time/memory_mb"},
            "Highest memory use so far: of the GPU, or of the process when training on the CPU.",
            limits=(0, None),
            scale=1 / 1024,
        ),
    ]
    return Section("Optimization and speed", [*loader_note(metrics), *figures(found)])


def origin_section(run: Run) -> Section:
    """Settings, environment and commands: everything needed to repeat the run."""
    settings = [(key, _plain(value)) for key, value in flatten(config_of(run)).items()]
    environment = [(key, _plain(value)) for key, value in flatten(environment_of(run)).items()]
    blocks: list[Block] = []
    if commands := commands_of(run):
        blocks.append(Code("\n".join(commands), "Commands that started or resumed this run, from `command.txt`."))
    if settings:
        table = Table(["Setting", "Value"], settings, "Every setting, from `config.yaml`.", text=True)
        blocks.append(Details(f"Settings ({len(settings)})", [table]))
    if environment:
        table = Table(["What", "Value"], environment, "At the first start, from `environment.json`.", text=True)
        blocks.append(Details("Environment", [table]))
    return Section("How it was made", blocks)


def headline(run: Run, metrics: Metrics, images_per_step: int) -> list[tuple[str, str, str]]:
    """Facts shown for both kinds of runs: recipe, steps, device, time."""
    config, environment = config_of(run), environment_of(run)
    planned = config.get("steps")
    device = str(environment.get("device") or config.get("device") or MISSING)
    method = f"method {config['method']}" if "method" in config else ""
    machine = ", ".join(str(v) for v in (environment.get("system"), _cpus(environment)) if v)
    return [
        *([("Recipe", recipe, method)] if (recipe := recipe_of(run)) else []),
        ("Steps", number(metrics.last_step), f"of {number(planned)}" if isinstance(planned, int) else ""),
        ("Device", device, machine),
        ("Time in training", duration(metrics.seconds(images_per_step) or None), _started(environment)),
    ]


def _started(environment: Mapping[str, Any]) -> str:
    """``started 2026-11-24 03:03``: the recorded time to the minute, in the recorded time zone."""
    started = str(environment.get("started", ""))
    return f"started {started[:16].replace('T', ' ')}" if started else ""


def _cpus(environment: Mapping[str, Any]) -> str:
    return f"{environment['cpus']} CPUs" if "cpus" in environment else ""


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(v) for v in value) or "[]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
