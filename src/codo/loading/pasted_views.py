"""Pasted views of a sample: the choice of its proposal and its backgrounds (paper, sections 3.1 and 4.3).

All views of a sample show the same proposal; everything else is drawn independently for each view, from a random
stream that depends only on (seed, epoch, sample, view). `codo.views.cpj` computes the pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codo.catalog.boxes import Boxes, scale_box
from codo.catalog.catalog import Catalog
from codo.core.errors import InputError
from codo.core.rng import RngStream
from codo.loading.pools import Pool
from codo.views.cpj import CopyPasteJitter, Paste, View
from codo.views.kernels import philox
from codo.views.lazy_image import Image


class PastedViews:
    """Makes the views of a sample.

    Args:
        foregrounds: Catalog whose proposals are pasted.
        query: Backgrounds of view 0 (query network).
        key: Backgrounds of views 1 and up (key network).
        cpj: Crops, pastes and jitters.
        seed: The run's seed.

    Raises:
        InputError: ``cpj.proposal`` needs proposals, and the foregrounds were prepared without them.
    """

    def __init__(self, foregrounds: Catalog, query: Pool, key: Pool, cpj: CopyPasteJitter, *, seed: int) -> None:
        if cpj.settings.proposal != "whole" and not foregrounds.has_proposals:
            raise InputError(
                "the foreground catalog has no proposals",
                where=str(foregrounds.path),
                fix="prepare it again without --no-proposals",
            )
        self.foregrounds, self.query, self.key, self.cpj, self.seed = foregrounds, query, key, cpj, seed

    def __len__(self) -> int:
        return len(self.foregrounds)

    def views(self, epoch: int, sample: int, wanted: Sequence[int]) -> list[View]:
        """The views with numbers ``wanted`` of a sample; the proposal is decoded once for all of them."""
        proposal = self.proposal(epoch, sample)
        return [self.view(proposal, epoch, sample, number) for number in wanted]

    def view(self, proposal: Image, epoch: int, sample: int, number: int) -> View:
        """View ``number`` of a sample: Eq. 1 for view 0, Eq. 2 for the others."""
        rng = philox.start(self.seed, epoch, sample, RngStream.VIEW + number)
        catalog, index = (self.query if number == 0 else self.key).draw(rng)
        return self.cpj.view(proposal, catalog.lazy_image(index), rng)

    def paste(self, proposal: Image, epoch: int, sample: int, number: int) -> Paste:
        """How view ``number`` of a sample shows its proposal; the view itself is not computed."""
        rng = philox.start(self.seed, epoch, sample, RngStream.VIEW + number)
        catalog, index = (self.query if number == 0 else self.key).draw(rng)
        image = catalog.lazy_image(index)
        return self.cpj.draw_paste((proposal.shape[1], proposal.shape[0]), (image.width, image.height), rng)

    def proposal(self, epoch: int, sample: int) -> Image:
        """``I_p``: the part of image ``sample`` inside the proposal drawn for this epoch."""
        if self.cpj.settings.proposal == "whole":
            image = self.foregrounds.lazy_image(sample)
            return np.ascontiguousarray(image.decode())
        proposal_epoch = epoch if self.cpj.settings.proposal == "redraw" else 0
        rng = philox.start(self.seed, proposal_epoch, sample, int(RngStream.PROPOSAL))
        image = self.foregrounds.lazy_image(sample)
        candidates = self._in_band(self.foregrounds.proposals(sample), *self.foregrounds.size(sample))
        chosen = philox.integer(len(candidates), rng)
        box = scale_box(candidates[chosen].tolist(), self.foregrounds.size(sample), (image.width, image.height))
        pixels, (x1, y1, x2, y2) = image.part(box)
        return np.ascontiguousarray(pixels[y1:y2, x1:x2])

    def _in_band(self, candidates: Boxes, width: int, height: int) -> Boxes:
        if self.cpj.settings.size_band is None:
            return candidates
        low, high = self.cpj.settings.size_band
        x1, y1, x2, y2 = candidates.T
        scale = np.sqrt((x2 - x1) * (y2 - y1) / (width * height))
        inside: Boxes = candidates[(low <= scale) & (scale <= high)]
        return inside if len(inside) else candidates
