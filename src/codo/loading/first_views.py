"""What the views of the first batch still show of their proposals, measured before the first step.

::

    RUN/views.json    {"samples": 64, "views": 128, "area": 0.48, "blurred": 67, "detail": 0.76, "pixels": 166.0}

Only views that paste proposals are measured. They are a function of (seed, epoch, sample, view), so looking at them
changes nothing in the run. Words and thresholds: `codo.evaluation.start_warnings`, docs/healthy-run.md#small-views.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median

from codo.core.io import write_atomically
from codo.core.run import Run
from codo.loading.pasted_views import PastedViews
from codo.loading.sampler import epoch_order
from codo.loading.step_dataset import StepDataset
from codo.views.detail import area_kept, detail_kept

FILE = "views.json"
SAMPLES = 64
"""Largest number of samples to measure: a fraction of a second."""
FEWEST = 8
"""Samples that are measured whatever their size."""
PIXELS = 50_000_000
"""Further samples are measured until this many pixels are decoded: photographs of 12 megapixels take longer."""


@dataclass(frozen=True)
class FirstViews:
    """Measurements of the first batch.

    Attributes:
        samples: Number of samples.
        views: Number of views.
        area: Mean share of a proposal's area that the crop of a view keeps.
        blurred: Number of views with blur.
        detail: Median share of the fine detail that blur leaves in these views (`codo.views.detail.detail_kept`);
            ``None`` without blur.
        pixels: Median side with which an object is shown, the square root of its pasted area.
    """

    samples: int
    views: int
    area: float
    blurred: int
    detail: float | None
    pixels: float

    @classmethod
    def of_dataset(cls, dataset: StepDataset, batch_size: int, seed: int) -> FirstViews | None:
        """Measure the first batch of a dataset; ``None`` if its views paste nothing."""
        pasted = getattr(dataset, "pasted", None)
        if not isinstance(pasted, PastedViews):
            return None
        samples = epoch_order(len(dataset), seed, 0)[:batch_size]
        return cls.measure(pasted, samples.tolist(), dataset.num_views)

    @classmethod
    def measure(cls, pasted: PastedViews, samples: Sequence[int], views: int) -> FirstViews:
        """Measure the views of some samples in epoch 0.

        Args:
            pasted: Makes the views.
            samples: Their indices, at least one; the first `SAMPLES` are used, or fewer of large images.
            views: Number of views of a sample.
        """
        areas, details, sides, measured, decoded = [], [], [], 0, 0
        for sample in samples[:SAMPLES]:
            width, height = pasted.foregrounds.size(sample)
            decoded += width * height
            if measured >= FEWEST and decoded > PIXELS:
                break
            measured += 1
            proposal = pasted.proposal(0, sample)
            for number in range(views):
                paste = pasted.paste(proposal, 0, sample, number)
                left, top, right, bottom = paste.corners
                areas.append(area_kept(proposal, paste))
                sides.append(((right - left) * (bottom - top)) ** 0.5)
                if paste.change.sigma > 0:
                    details.append(detail_kept(proposal, paste))
        detail = round(median(details), 4) if details else None
        return cls(measured, len(areas), round(fmean(areas), 4), len(details), detail, round(median(sides), 1))

    def words(self) -> str:
        """The measurements as a sentence."""
        blur = "no view is blurred"
        if self.detail is not None:
            blur = (
                f"blur, in {self.blurred} of {self.views} views, leaves {self.detail:.0%} of the fine detail (median)"
            )
        return (
            f"views of the first batch: crops keep {self.area:.0%} of a proposal's area (mean), shown with "
            f"{self.pixels:.0f} pixels a side; {blur}"
        )

    def write(self, run: Run) -> None:
        """Write ``views.json``."""
        write_atomically(run.path / FILE, json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, run: Run) -> FirstViews | None:
        """The measurements of a run; ``None`` if it has none, as runs of methods that paste nothing."""
        try:
            return cls(**json.loads((run.path / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
