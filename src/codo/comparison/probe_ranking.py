"""Which probe of pretraining ranks the initializations as their AP does?

The scores are those of the last step of each pretraining, also of runs that were given as weights; initializations
without pretraining (``none``, ``imagenet``, files) have none. With several seeds both numbers are means over the seeds,
so that an initialization counts once. AP is that of boxes at the largest label fraction.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

from codo.comparison.comparison import Comparison
from codo.core.numbers import number
from codo.evaluation.statistics import NEAR_ZERO
from codo.probes.rank_correlation import RankCorrelation
from codo.reporting.html.blocks import Block, Table

MIN_INITIALIZATIONS = 6
"""With fewer there is no ranking: of five, one in 60 random orders has a correlation of 1 or -1."""

PROBES = {
    "probe/roi/backbone/knn": "Backbone, k-NN on boxes",
    "probe/roi/backbone/linear": "Backbone, linear on boxes",
    "probe/roi/fpn/knn": "FPN, k-NN on boxes",
    "probe/roi/fpn/linear": "FPN, linear on boxes",
    "probe/roi/box_head/knn": "Box head, k-NN on boxes",
    "probe/roi/box_head/linear": "Box head, linear on boxes",
    "probe/image/knn": "Backbone, k-NN on images",
    "probe/image/linear": "Backbone, linear on images",
    "invariance": "Background invariance",
}


def probe_ranking(comparison: Comparison) -> dict[str, RankCorrelation]:
    """Spearman's correlation with AP of every probe that `MIN_INITIALIZATIONS` initializations or more have."""
    fraction = comparison.fractions[-1]
    ap = {init: fmean(values.values()) for init in comparison.inits if (values := comparison.values(init, fraction))}
    found: dict[str, RankCorrelation] = {}
    for name in PROBES:
        scores = {init: cost.scores[name] for init, cost in comparison.costs.items() if name in cost.scores}
        inits = [init for init in scores if init in ap]
        if len(inits) >= MIN_INITIALIZATIONS:
            correlation = RankCorrelation.of([scores[init] for init in inits], [ap[init] for init in inits])
            found |= {name: correlation} if correlation else {}
    return found


def ranking_blocks(comparison: Comparison) -> list[Block]:
    """The section of the page; empty without enough initializations with probes."""
    ranking = probe_ranking(comparison)
    if not ranking:
        return []
    rows = [
        [PROBES[name], f"{one.value:+.2f}", f"{one.interval.low:+.2f} to {one.interval.high:+.2f}", number(one.count)]
        for name, one in ranking.items()
    ]
    fraction = comparison.fractions[-1]
    best = max(value for init in comparison.inits for value in comparison.values(init, fraction).values())
    doubt = f" All AP are below {100 * NEAR_ZERO:g}, so this ranks noise." if best < NEAR_ZERO else ""
    caption = (
        "Spearman's correlation of the last score of a probe with box AP, over the initializations pretrained with it "
        "(random weights are not among them); means over the seeds. The interval is a bootstrap over the "
        "initializations. These are few: a probe predicts AP here where the whole interval is clearly above zero, "
        f"and two probes whose intervals overlap are not told apart.{doubt}"
    )
    return [Table(["Probe", "Spearman", "95% interval", "Initializations"], rows, caption)]


def ranking_json(comparison: Comparison) -> dict[str, Any]:
    """The same for ``comparison.json``: name of the probe -> numbers."""
    return {
        name: {"spearman": one.value, **one.interval._asdict(), "initializations": one.count}
        for name, one in probe_ranking(comparison).items()
    }
