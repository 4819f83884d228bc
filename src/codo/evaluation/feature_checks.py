"""Do the features that will be exported still tell boxes apart? Effective rank and dead units of every part.

The loss and the embeddings do not show it: the projection can spread what few directions of the trunk are left. All
values are of the canvases of the invariance probe (`codo.probes.feature_health`), and the rank depends on their number,
so it is compared with the first value of the same run.
"""

from __future__ import annotations

from dataclasses import dataclass

from codo.core.numbers import number, percent
from codo.evaluation.run_summary import RunSummary

LOW_RANK = 0.3
"""Effective rank, as a share of its first value, below which a part is watched.

Measured on small runs (docs/lab-log.md): the two trunks that made AP worse kept 27% and 24% (box head), 26% and 25%
(FPN); thirteen that improved it 44 to 65%, and 37 to 64%.
"""
MANY_DEAD = 0.5
"""Share of dead units above which a part is watched: 14 to 41% in the box heads that improved AP, untrained 0%."""


@dataclass(frozen=True)
class PartFeatures:
    """Last values of one part.

    Attributes:
        part: ``backbone``, ``fpn`` or ``box_head``.
        rank: Effective rank.
        first_rank: Its first value in the run.
        dead: Share of dead units.
        first_dead: Its first value in the run.
    """

    part: str
    rank: float
    first_rank: float
    dead: float
    first_dead: float

    @property
    def poor(self) -> bool:
        """Whether few directions or units are left, and more were there at first."""
        return self.rank < LOW_RANK * self.first_rank or (self.dead > MANY_DEAD and self.dead > self.first_dead)

    def __str__(self) -> str:
        kept = f"{percent(self.rank / self.first_rank)} of {number(self.first_rank)} at first"
        return f"{self.part}: effective rank {number(self.rank)} ({kept}), {percent(self.dead)} of the units dead"


def part_features(summary: RunSummary) -> list[PartFeatures]:
    """The parts whose features were measured, in the order of the log."""
    found = []
    for name, (first, last) in summary.features.items():
        part, _, what = name.rpartition("/")
        dead = summary.features.get(f"{part}/dead")
        if what == "rank" and dead is not None and first > 0:
            found.append(PartFeatures(part, last, first, dead[1], dead[0]))
    return found


def feature_warnings(summary: RunSummary, step: int, grace: int) -> list[str]:
    """A warning for every part with poor features, from step ``grace`` on."""
    if step < grace:
        return []
    return [
        f"Features of the {one.part} have become poor (docs/healthy-run.md#poor-features): their effective rank is "
        f"below {percent(LOW_RANK)} of its first value, or more than {percent(MANY_DEAD)} of the units are dead. "
        "Finetune also without this part, and if that is better lower optim.lr."
        for one in part_features(summary)
        if one.poor
    ]
