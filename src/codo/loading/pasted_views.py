"""Copy, paste, jitter (section 3.1): a proposal and a background become a canvas and a box.

    I_q, bb_q = CPJ(I_p, I_dq)            (Eq. 1)
    I_ki, bb_ki = CPJ(I_p, I_dki)         (Eq. 2)

All views of a sample show the same proposal; everything else is drawn anew for each view, from the numbers of
(seed, epoch, sample, view) alone. What the paper leaves open is resolved in docs/method.md; each choice is a setting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from codo.catalog.catalog import Boxes, Catalog, scale_boxes
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.core.rng import RngStream, generator
from codo.loading.pools import Pool
from codo.views import boxes, photometric
from codo.views.boxes import Box
from codo.views.kernels.color import Floats
from codo.views.kernels.render import render
from codo.views.lazy_image import Corners, LazyImage
from codo.views.photometric import AugmentSettings, Photometric
from codo.views.random_crop import Image, Range, Shares, random_crop, uniform


class CPJSettings(Settings):
    """How a proposal is copied, pasted and its box jittered."""

    proposal: Literal["redraw", "fixed", "whole"] = Field(
        "redraw",
        description="draw the proposal of an image anew each epoch, once and for all, or take the whole image (InsLoc)",
    )
    size_band: Shares | None = Field(
        None,
        description="draw among proposals whose square root of area over image area lies in this band, if an image has "
        "any (SoCo: 0.3, 0.8); null: of any size",
    )
    foreground_area: Shares = Field(
        (0.2, 1.0), description="share of the proposal that its random crop keeps; [1, 1] keeps all"
    )
    foreground_ratio: Range = Field((3 / 4, 4 / 3), description="width / height of that crop")
    size: Shares = Field((0.5, 1.0), description="sides of the pasted box, as shares of the canvas")
    min_side: int = Field(32, ge=1, description="shortest side of the pasted box in pixels")
    aspect: Literal["free", "keep"] = Field(
        "free", description="stretch the crop to the drawn box, or keep its aspect ratio (InsLoc)"
    )
    background: Literal["crop", "resize"] = Field(
        "crop", description="random crop of the background (MoCo v2), or the whole image squeezed (InsLoc)"
    )
    photometric: Literal["separate", "composite"] = Field(
        "separate", description="colour and blur on proposal and background apart, or on the pasted canvas (InsLoc)"
    )
    jitter: float = Field(0.2, ge=0, lt=1, description="reach of the box jitter, in sides of the box; 0 is off")
    min_iou: float = Field(0.6, ge=0, lt=1, description="the jittered box overlaps the pasted one by more than this")
    max_tries: int = Field(20, ge=1, description="jitters drawn before the pasted box itself is used")


@dataclass(frozen=True)
class View:
    """What one network sees of a sample.

    Attributes:
        image: Canvas, uint8 ``(S, S, 3)`` RGB.
        box: The jittered box the features are pooled from, float32 ``(4,)`` in canvas pixels.
        pasted: The box the proposal was pasted into, float32 ``(4,)``.
        changes: Colours and blur that are still to come (deferred.py), of background and proposal: float32 ``(2, 10)``.
    """

    image: Image
    box: Box
    pasted: Box
    changes: Floats | None = None


_UNCHANGED = Photometric().coded()


class PastedViews:
    """Makes the views of a sample.

    Args:
        foregrounds: Catalog whose proposals are pasted.
        query: Backgrounds of view 0.
        key: Backgrounds of views 1 and up.
        canvas: Side of the canvas in pixels.
        cpj: How to copy, paste and jitter.
        augment: Colour, blur, crops and flips.
        seed: The run's seed.
        defers: Leave colours and blur to whoever gets the views, and tell what was drawn.

    Raises:
        InputError: The foregrounds were prepared without proposals, and some are wanted.
    """

    def __init__(
        self,
        foregrounds: Catalog,
        query: Pool,
        key: Pool,
        *,
        canvas: int,
        cpj: CPJSettings,
        augment: AugmentSettings,
        seed: int,
        defers: bool = False,
    ) -> None:
        if cpj.proposal != "whole" and not foregrounds.has_proposals:
            raise InputError(
                "the foreground catalog has no proposals",
                where=str(foregrounds.path),
                fix="prepare it again without --no-proposals",
            )
        self.foregrounds, self.query, self.key = foregrounds, query, key
        self.canvas, self.cpj, self.augment, self.seed, self.defers = canvas, cpj, augment, seed, defers

    def __len__(self) -> int:
        return len(self.foregrounds)

    def views(self, epoch: int, sample: int, wanted: Sequence[int]) -> list[View]:
        """The ``wanted`` views of a sample; the proposal is decoded once for all of them."""
        proposal = self.proposal(epoch, sample)
        return [self.view(proposal, epoch, sample, number) for number in wanted]

    def proposal(self, epoch: int, sample: int) -> Image:
        """The part of image ``sample`` inside its proposal of this epoch, ``I_p``."""
        if self.cpj.proposal == "whole":
            picture = self.foregrounds.picture(sample)
            return np.ascontiguousarray(picture.part((0, 0, picture.width, picture.height))[0])
        drawn_in = epoch if self.cpj.proposal == "redraw" else 0
        rng = generator(self.seed, drawn_in, sample, RngStream.PROPOSAL)
        picture = self.foregrounds.picture(sample)
        candidates = self._in_band(self.foregrounds.proposals(sample), *self.foregrounds.size(sample))
        chosen = rng.integers(len(candidates))
        size = (picture.width, picture.height)
        (box,) = scale_boxes(candidates[chosen : chosen + 1], self.foregrounds.size(sample), size)
        image, (x1, y1, x2, y2) = picture.part(tuple(box.tolist()))
        return np.ascontiguousarray(image[y1:y2, x1:x2])

    def _in_band(self, candidates: Boxes, width: int, height: int) -> Boxes:
        if self.cpj.size_band is None:
            return candidates
        low, high = self.cpj.size_band
        x1, y1, x2, y2 = candidates.T
        scale = np.sqrt((x2 - x1) * (y2 - y1) / (width * height))
        inside: Boxes = candidates[(low <= scale) & (scale <= high)]
        return inside if len(inside) else candidates

    def view(self, proposal: Image, epoch: int, sample: int, number: int) -> View:
        """View ``number`` of a sample: Eq. 1 for 0, Eq. 2 above."""
        rng = generator(self.seed, epoch, sample, RngStream.VIEW + number)
        catalog, index = (self.query if number == 0 else self.key).draw(rng)
        canvas, change = self._background(catalog.picture(index), rng)
        return self._paste(proposal, canvas, change, rng)

    def compose(self, proposal: Image, background: Image, rng: np.random.Generator) -> View:
        """Copy ``proposal``, paste it on ``background`` (changed in place), jitter its box."""
        return self._paste(proposal, background, Photometric(), rng)

    def draw_background(self, picture: LazyImage, rng: np.random.Generator) -> Image:
        """A canvas made of a background image; a fresh array."""
        return self._background(picture, rng)[0]

    def _paste(self, proposal: Image, canvas: Image, background: Photometric, rng: np.random.Generator) -> View:
        crop, (width, height) = self._draw_foreground(proposal, rng)
        change, flip = self._draw_change(rng)
        x = int(rng.integers(0, self.canvas - width, endpoint=True))
        y = int(rng.integers(0, self.canvas - height, endpoint=True))
        corners = (x, y, x + width, y + height)
        self._render(proposal, crop, flip, change, canvas, corners)
        if self.cpj.photometric == "composite":
            background = change = photometric.draw(self.augment, rng)
            canvas = canvas if self.defers else photometric.apply(canvas, change)
        pasted = np.array(corners, dtype=np.float32)
        box = boxes.jitter(pasted, self.canvas, self.cpj.jitter, self.cpj.min_iou, self.cpj.max_tries, rng)
        changes = np.stack([background.row(), change.row()]) if self.defers else None
        return View(canvas, box, pasted, changes)

    def _background(self, picture: LazyImage, rng: np.random.Generator) -> tuple[Image, Photometric]:
        crop = (0, 0, picture.width, picture.height)
        if self.cpj.background == "crop":
            area, ratio = self.augment.crop_area, self.augment.crop_ratio
            crop = random_crop(picture.width, picture.height, area, ratio, rng)
        change, flip = self._draw_change(rng)
        canvas = np.empty((self.canvas, self.canvas, 3), np.uint8)
        self._render(*picture.part(crop), flip, change, canvas, (0, 0, self.canvas, self.canvas))
        return canvas, change

    def _render(
        self, image: Image, part: Corners, flip: bool, change: Photometric, canvas: Image, target: Corners
    ) -> None:
        render(image, part, flip, *(_UNCHANGED if self.defers else change.coded()), canvas, target)

    def _draw_foreground(self, proposal: Image, rng: np.random.Generator) -> tuple[Corners, tuple[int, int]]:
        """A random crop of the proposal, and the width and height to paste it at."""
        height, width = proposal.shape[:2]
        crop = random_crop(width, height, self.cpj.foreground_area, self.cpj.foreground_ratio, rng)
        # Half-open, as the range is written: a side of the whole canvas would leave no background.
        sides = [math.floor(uniform(*self.cpj.size, rng) * self.canvas) for _ in range(2)]
        if self.cpj.aspect == "keep":
            # The largest size whose long and short side fit the drawn ones, whichever way round (InsLoc).
            shape = (crop[2] - crop[0], crop[3] - crop[1])
            scale = min(max(sides) / max(shape), min(sides) / min(shape))
            sides = [round(side * scale) for side in shape]
        least = min(self.cpj.min_side, self.canvas)
        w, h = (min(max(side, least), self.canvas) for side in sides)
        return crop, (w, h)

    def _draw_change(self, rng: np.random.Generator) -> tuple[Photometric, bool]:
        """Colour, blur and flip of one part; colour waits for the whole canvas when that is asked for."""
        separate = self.cpj.photometric == "separate"
        change = photometric.draw(self.augment, rng) if separate else Photometric()
        return change, rng.random() < self.augment.flip
