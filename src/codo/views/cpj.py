"""Copy, paste, jitter (section 3.1): a proposal and a background become a canvas and a box.

    I_q, bb_q = CPJ(I_p, I_dq)            (Eq. 1)
    I_ki, bb_ki = CPJ(I_p, I_dki)         (Eq. 2)

All views of a sample show the same proposal; everything else is drawn anew for each view, from the numbers of
(seed, epoch, sample, view) alone. What the paper leaves open is resolved in docs/method.md; each choice is a setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from codo.catalog.catalog import Catalog
from codo.config import Settings
from codo.errors import InputError
from codo.views import boxes, photometric
from codo.views.boxes import Box
from codo.views.crop import Image, Range, Shares, random_crop, resize
from codo.views.photometric import AugmentSettings
from codo.views.pools import Pool
from codo.views.randomness import Stream, generator


class CPJSettings(Settings):
    """How a proposal is copied, pasted and its box jittered."""

    proposal: Literal["redraw", "fixed"] = Field(
        "redraw", description="draw the proposal of an image anew each epoch, or once and for all"
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
    tries: int = Field(20, ge=1, description="jitters drawn before the pasted box itself is used")


@dataclass(frozen=True)
class View:
    """What one network sees of a sample.

    Attributes:
        image: Canvas, uint8 ``(S, S, 3)`` RGB.
        box: The jittered box the features are pooled from, float32 ``(4,)`` in canvas pixels.
        pasted: The box the proposal was pasted into, float32 ``(4,)``.
    """

    image: Image
    box: Box
    pasted: Box


class CPJ:
    """Makes the views of a sample.

    Args:
        foregrounds: Catalog whose proposals are pasted.
        query: Backgrounds of view 0.
        key: Backgrounds of views 1 and up.
        canvas: Side of the canvas in pixels.
        cpj: How to copy, paste and jitter.
        augment: Colour, blur, crops and flips.
        seed: The run's seed.

    Raises:
        InputError: The foregrounds were prepared without proposals.
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
    ) -> None:
        if not foregrounds.has_proposals:
            raise InputError(
                "the foreground catalog has no proposals",
                where=str(foregrounds.path),
                fix="prepare it again without --no-proposals",
            )
        self.foregrounds, self.query, self.key = foregrounds, query, key
        self.canvas, self.cpj, self.augment, self.seed = canvas, cpj, augment, seed

    def __len__(self) -> int:
        return len(self.foregrounds)

    def views(self, epoch: int, sample: int, wanted: Sequence[int]) -> list[View]:
        """The ``wanted`` views of a sample; the proposal is decoded once for all of them."""
        proposal = self.proposal(epoch, sample)
        return [self.view(proposal, epoch, sample, number) for number in wanted]

    def proposal(self, epoch: int, sample: int) -> Image:
        """The part of image ``sample`` inside its proposal of this epoch, ``I_p``."""
        drawn_in = epoch if self.cpj.proposal == "redraw" else 0
        rng = generator(self.seed, drawn_in, sample, Stream.PROPOSAL)
        image = self.foregrounds.image(sample)
        candidates = self.foregrounds.scaled_proposals(sample, *image.shape[:2])
        x1, y1, x2, y2 = candidates[rng.integers(len(candidates))]
        part: Image = image[y1:y2, x1:x2]
        return part

    def view(self, proposal: Image, epoch: int, sample: int, number: int) -> View:
        """View ``number`` of a sample: Eq. 1 for 0, Eq. 2 above."""
        rng = generator(self.seed, epoch, sample, Stream.VIEW + number)
        catalog, index = (self.query if number == 0 else self.key).draw(rng)
        background = self.draw_background(catalog.image(index), rng)
        return self.compose(proposal, background, rng)

    def compose(self, proposal: Image, background: Image, rng: np.random.Generator) -> View:
        """Copy ``proposal``, paste it on ``background`` (changed in place), jitter its box."""
        foreground = self._draw_foreground(proposal, rng)
        height, width = foreground.shape[:2]
        x = int(rng.integers(0, self.canvas - width, endpoint=True))
        y = int(rng.integers(0, self.canvas - height, endpoint=True))
        canvas = background
        canvas[y : y + height, x : x + width] = foreground
        if self.cpj.photometric == "composite":
            canvas = photometric.apply(canvas, photometric.draw(self.augment, rng))
        pasted = np.array([x, y, x + width, y + height], dtype=np.float32)
        box = boxes.jitter(pasted, self.canvas, self.cpj.jitter, self.cpj.min_iou, self.cpj.tries, rng)
        return View(canvas, box, pasted)

    def draw_background(self, image: Image, rng: np.random.Generator) -> Image:
        """A canvas made of a background image; a fresh array."""
        if self.cpj.background == "crop":
            height, width = image.shape[:2]
            x1, y1, x2, y2 = random_crop(width, height, self.augment.crop_area, self.augment.crop_ratio, rng)
            image = image[y1:y2, x1:x2]
        return self._finish(resize(image, self.canvas, self.canvas), rng)

    def _draw_foreground(self, proposal: Image, rng: np.random.Generator) -> Image:
        """A random crop of the proposal at a random size, ready to paste."""
        height, width = proposal.shape[:2]
        x1, y1, x2, y2 = random_crop(width, height, self.cpj.foreground_area, self.cpj.foreground_ratio, rng)
        crop = proposal[y1:y2, x1:x2]
        # Half-open, as the range is written: a side of the whole canvas would leave no background.
        sides = np.floor(rng.uniform(*self.cpj.size, size=2) * self.canvas)
        if self.cpj.aspect == "keep":
            # The largest size whose long and short side fit the drawn ones, whichever way round (InsLoc).
            shape = np.array([x2 - x1, y2 - y1])
            sides = np.rint(shape * min(sides.max() / shape.max(), sides.min() / shape.min()))
        least = min(self.cpj.min_side, self.canvas)
        w, h = (int(side) for side in np.clip(sides, least, self.canvas))
        return self._finish(resize(crop, w, h), rng)

    def _finish(self, image: Image, rng: np.random.Generator) -> Image:
        """Colour, blur and flip of one part; colour waits for the whole canvas when that is asked for."""
        if self.cpj.photometric == "separate":
            image = photometric.apply(image, photometric.draw(self.augment, rng))
        flipped = image[:, ::-1] if rng.random() < self.augment.flip else image
        return np.array(flipped, dtype=np.uint8, order="C", copy=True)
