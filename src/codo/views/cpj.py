"""Copy, paste, jitter (paper, section 3.1): a proposal and a background become a canvas and a box.

    I_q, bb_q = CPJ(I_p, I_dq)            (Eq. 1)
    I_ki, bb_ki = CPJ(I_p, I_dki)         (Eq. 2)

Works on arrays: which image, proposal and background a view takes is drawn in `codo.loading.pasted_views`. What the
paper leaves open is resolved in docs/method.md; each choice is a setting.

Shapes: ``S`` side of the canvas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from codo.core.config import Settings
from codo.core.errors import InputError
from codo.views import boxes, photometric
from codo.views.boxes import Box
from codo.views.kernels.color import Floats
from codo.views.kernels.render import render
from codo.views.lazy_image import Corners, Image, LazyImage
from codo.views.photometric import AugmentSettings, Photometric
from codo.views.random_crop import Range, Shares, random_crop, uniform


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
        "separate", description="color and blur on proposal and background apart, or on the pasted canvas (InsLoc)"
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
        changes: Colors and blur that are still to come (deferred.py), of background and proposal: float32 ``(2, 10)``.
    """

    image: Image
    box: Box
    pasted: Box
    changes: Floats | None = None


_UNCHANGED = Photometric().coded()


class CopyPasteJitter:
    """Cuts a proposal out, pastes it on a background and jitters its box.

    Args:
        canvas: S, side of the canvas in pixels.
        settings: How to copy, paste and jitter (``cpj.*``).
        augment: Color, blur, crops and flips (``augment.*``).
        defers: Leave color and blur to the device (`codo.views.device_photometric`); the view tells what was drawn.

    Example:
        >>> import numpy as np
        >>> from codo.views import CopyPasteJitter
        >>> image = np.full((80, 120, 3), 200, np.uint8)        # any RGB picture
        >>> background = np.zeros((90, 90, 3), np.uint8)
        >>> copy_paste_jitter = CopyPasteJitter(canvas=64)
        >>> view = copy_paste_jitter(image, (10, 20, 70, 60), background, np.random.default_rng(0))
        >>> view.image.shape, view.box.shape
        ((64, 64, 3), (4,))
    """

    def __init__(
        self,
        canvas: int = 224,
        settings: CPJSettings | None = None,
        augment: AugmentSettings | None = None,
        *,
        defers: bool = False,
    ) -> None:
        self.canvas, self.defers = canvas, defers
        self.settings, self.augment = settings or CPJSettings(), augment or AugmentSettings()

    def __call__(self, image: Image, box: npt.ArrayLike, background: Image, rng: np.random.Generator) -> View:
        """One view of an object (Eq. 1).

        Args:
            image: uint8 RGB ``(H, W, 3)`` that holds the object.
            box: Its proposal, ``x1, y1, x2, y2`` in pixels of the image, half-open; fractions are rounded.
            background: uint8 RGB ``(H', W', 3)`` to paste on; it is not changed.
            rng: Source of all that is drawn.

        Raises:
            InputError: An image is no uint8 RGB array, or the box is empty or outside of its image.
        """
        for name, array in (("image", image), ("background", background)):
            if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
                what = f"the {name} is {array.dtype} of shape {array.shape}, not uint8 (H, W, 3)"
                raise InputError(what, where="CopyPasteJitter", fix="give an RGB image, such as np.asarray(PIL_IMAGE)")
        x1, y1, x2, y2 = np.rint(np.asarray(box, dtype=np.float64)).astype(int).tolist()
        height, width = image.shape[:2]
        if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
            what = f"the box {[x1, y1, x2, y2]} is empty or not inside the {width} x {height} image"
            raise InputError(what, where="CopyPasteJitter", fix="give x1, y1, x2, y2 in pixels of the image")
        proposal = np.ascontiguousarray(image[y1:y2, x1:x2])
        return self.view(proposal, LazyImage.from_array(np.ascontiguousarray(background)), rng)

    def view(self, proposal: Image, background: LazyImage, rng: np.random.Generator) -> View:
        """A view of ``proposal`` ``(h, w, 3)``, the part of an image inside its box."""
        canvas, change = self._background(background, rng)
        return self._paste(proposal, canvas, change, rng)

    def compose(self, proposal: Image, canvas: Image, rng: np.random.Generator) -> View:
        """Paste ``proposal`` on a canvas ``(S, S, 3)`` that is finished (changed in place), and jitter its box."""
        return self._paste(proposal, canvas, Photometric(), rng)

    def draw_background(self, background: LazyImage, rng: np.random.Generator) -> Image:
        """A canvas ``(S, S, 3)`` made of a background image; a fresh array."""
        return self._background(background, rng)[0]

    def _paste(self, proposal: Image, canvas: Image, background: Photometric, rng: np.random.Generator) -> View:
        crop, (width, height) = self._draw_foreground(proposal, rng)
        change, flip = self._draw_change(rng)
        x = int(rng.integers(0, self.canvas - width, endpoint=True))
        y = int(rng.integers(0, self.canvas - height, endpoint=True))
        corners = (x, y, x + width, y + height)
        self._render(proposal, crop, flip, change, canvas, corners)
        if self.settings.photometric == "composite":
            background = change = photometric.draw(self.augment, rng)
            canvas = canvas if self.defers else photometric.apply(canvas, change)
        pasted = np.array(corners, dtype=np.float32)
        box = boxes.jitter(
            pasted, self.canvas, self.settings.jitter, self.settings.min_iou, self.settings.max_tries, rng
        )
        changes = np.stack([background.row(), change.row()]) if self.defers else None
        return View(canvas, box, pasted, changes)

    def _background(self, image: LazyImage, rng: np.random.Generator) -> tuple[Image, Photometric]:
        crop = (0, 0, image.width, image.height)
        if self.settings.background == "crop":
            area, ratio = self.augment.crop_area, self.augment.crop_ratio
            crop = random_crop(image.width, image.height, area, ratio, rng)
        change, flip = self._draw_change(rng)
        canvas = np.empty((self.canvas, self.canvas, 3), np.uint8)
        self._render(*image.part(crop), flip, change, canvas, (0, 0, self.canvas, self.canvas))
        return canvas, change

    def _render(
        self, image: Image, part: Corners, flip: bool, change: Photometric, canvas: Image, target: Corners
    ) -> None:
        render(image, part, flip, *(_UNCHANGED if self.defers else change.coded()), canvas, target)

    def _draw_foreground(self, proposal: Image, rng: np.random.Generator) -> tuple[Corners, tuple[int, int]]:
        """A random crop of the proposal, and the width and height to paste it at."""
        height, width = proposal.shape[:2]
        crop = random_crop(width, height, self.settings.foreground_area, self.settings.foreground_ratio, rng)
        # Half-open, as the range is written: a side of the whole canvas would leave no background.
        sides = [math.floor(uniform(*self.settings.size, rng) * self.canvas) for _ in range(2)]
        if self.settings.aspect == "keep":
            # The largest size whose long and short side fit the drawn ones, whichever way round (InsLoc).
            shape = (crop[2] - crop[0], crop[3] - crop[1])
            scale = min(max(sides) / max(shape), min(sides) / min(shape))
            sides = [round(side * scale) for side in shape]
        least = min(self.settings.min_side, self.canvas)
        w, h = (min(max(side, least), self.canvas) for side in sides)
        return crop, (w, h)

    def _draw_change(self, rng: np.random.Generator) -> tuple[Photometric, bool]:
        """Color, blur and flip of one part; color waits for the whole canvas when that is asked for."""
        separate = self.settings.photometric == "separate"
        change = photometric.draw(self.augment, rng) if separate else Photometric()
        return change, rng.random() < self.augment.flip
