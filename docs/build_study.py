"""Draw docs/results/small-study.png from a finished comparison: ``python docs/build_study.py OUT``.

Left: box AP of every seed. Right: background invariance at the end of pretraining against AP, each seed a dot.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

PICTURE = Path(__file__).parent / "results" / "small-study.png"
COLORS = ("#777777", "#3b6fb6", "#c46a1b", "#2f8f5b", "#8a4fa3")


def main(out: Path) -> None:
    """Read tables and costs, draw, save."""
    with (out / "results.csv").open(encoding="utf-8") as file:
        trials = [row for row in csv.DictReader(file) if row["bbox/AP"]]
    inits = list(dict.fromkeys(trial["init"] for trial in trials))
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for place, (init, color) in enumerate(zip(inits, COLORS, strict=False)):
        own = [trial for trial in trials if trial["init"] == init]
        values = [100 * float(trial["bbox/AP"]) for trial in own]
        left.plot(values, [place] * len(values), "o", color=color, alpha=0.7)
        left.plot([sum(values) / len(values)] * 2, [place - 0.3, place + 0.3], color=color, linewidth=2.5)
        known = [(score, value) for trial, value in zip(own, values, strict=True) if (score := invariance(out, trial))]
        if known:
            right.plot(*zip(*known, strict=True), "o", color=color, alpha=0.8, label=init)
    left.set_yticks(range(len(inits)), inits)
    left.set_ylim(len(inits) - 0.5, -0.5)
    left.set_xlabel("box AP × 100")
    right.set_xlabel("background invariance after pretraining (chance 0.067)")
    right.set_ylabel("box AP × 100")
    right.legend(frameon=False, fontsize=9)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def invariance(out: Path, trial: dict[str, str]) -> float | None:
    """The last score of the run that a trial started from; ``None`` for random weights."""
    file = out / "pretraining" / trial["init"] / f"seed-{trial['seed']}" / "cost.json"
    return json.loads(file.read_text(encoding="utf-8"))["scores"].get("invariance") if file.is_file() else None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
