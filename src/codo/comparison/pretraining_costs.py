"""Cost and probe scores of a pretraining, which are additional columns of the paper's tables.

``cost.json`` of a run has the fields of `PretrainingCost`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from codo.core.run import Run, is_run, open_run
from codo.evaluation.run_metrics import Metrics

COST = "cost.json"
PROBES = ("probe/", "invariance")


@dataclass(frozen=True)
class PretrainingCost:
    """Cost of one run.

    Attributes:
        samples: Samples seen: steps times global batch size.
        views: Views of each sample.
        seconds: Time of the steps, without probes and checkpoints.
        memory_mb: Peak memory in MiB: of the GPU, or on a CPU of the main process.
        device: The device that it ran on.
        scores: Last value of each probe, such as ``probe/image/linear`` and ``invariance``.
    """

    samples: int
    views: int
    seconds: float
    memory_mb: float
    device: str
    scores: Mapping[str, float]

    def to_json(self) -> str:
        """The content of ``cost.json``."""
        return json.dumps(asdict(self), indent=2) + "\n"


def cost_of(run: Run) -> PretrainingCost:
    """The cost of a run of ``codo pretrain``, from its log."""
    config, metrics = run.config, Metrics(run.metrics())
    batch, views = int(config["batch_size"]), int(config["views"])
    keys = dict.fromkeys(key for row in metrics.rows for key in row if key.startswith(PROBES))
    return PretrainingCost(
        samples=(metrics.last_step or 0) * batch,
        views=views,
        seconds=metrics.seconds(batch * views),
        memory_mb=max(metrics.series("time/memory_mb").values, default=0.0),
        device=str(run.environment.get("device", "")),
        scores={key: score for key in keys if (score := metrics.last(key)) is not None},
    )


def read_cost(source: str) -> PretrainingCost | None:
    """The cost of weights that are a pretraining run; ``None`` for other weights."""
    file = Path(source) / COST
    if file.is_file():
        return PretrainingCost(**json.loads(file.read_text(encoding="utf-8")))
    if not is_run(source):
        return None
    run = open_run(source)
    return cost_of(run) if run.verb == "pretrain" else None


def mean_cost(costs: Iterable[PretrainingCost | None]) -> PretrainingCost | None:
    """The mean over the seeds; ``None`` if one of them is unknown."""
    known = list(costs)
    found = [cost for cost in known if cost is not None]
    if not found or len(found) < len(known):
        return None
    shared = set.intersection(*(set(cost.scores) for cost in found))
    return PretrainingCost(
        samples=round(fmean(cost.samples for cost in found)),
        views=found[0].views,
        seconds=fmean(cost.seconds for cost in found),
        memory_mb=max(cost.memory_mb for cost in found),
        device=found[0].device,
        scores={name: fmean(cost.scores[name] for cost in found) for name in sorted(shared)},
    )
