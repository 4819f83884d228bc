"""Copy, paste, jitter (paper, section 3.1): paste a proposal on a background and jitter its box.

    I_q, bb_q = CPJ(I_p, I_dq)            (Eq. 1)
    I_ki, bb_ki = CPJ(I_p, I_dki)         (Eq. 2)

``I_p``: proposal; ``I_dq``, ``I_dki``: backgrounds of the query view and of key view i; ``bb``: the jittered box.

This file works on arrays; `codo.loading.pasted_views` draws the image, proposal and background of a view. Details that
the paper leaves open are explained in docs/method.md; each of them is a setting.

Shapes: ``S`` side of the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from codo.core.config import Settings
from codo.core.errors import InputError
from codo.views.boxes import Box
from codo.views.kernels.color import Change, Floats, no_change
from codo.views.kernels.render import render
from codo.views.lazy_image import Corners, Image, LazyImage
from codo.views.photometric import AugmentSettings, ChangeRanges, Photometric
from codo.views.random_crop import Range, Shares, floats
from codo.views.random_numbers import Source
from codo.views.view_choices import (
    BackgroundChoices,
    ProposalChoices,
    Ranges,
    draw_background,
    draw_proposal,
    draw_view,
)

_UNCHANGED = no_change()


class CPJSettings(Settings):
    """How a proposal is copied and pasted, and how its box is jittered (``cpj.*``)."""

    proposal: Literal["redraw", "fixed", "whole"] = Field(
        "redraw",
        description="draw an image's proposal in every epoch, once for the run, or take the whole image (InsLoc)",
    )
    size_band: Shares | None = Field(
        None,
        description="draw only proposals whose sqrt(box area / image area) lies in this range, if the image has any "
        "(SoCo: 0.3, 0.8); null: any size",
    )
    foreground_area: Shares = Field(
        (0.2, 1.0), description="share of the proposal's area that its random crop keeps; [1, 1] keeps all"
    )
    foreground_ratio: Range = Field((3 / 4, 4 / 3), description="width / height of the proposal's random crop")
    size: Shares = Field((0.5, 1.0), description="sides of the pasted box, as shares of the canvas")
    min_side: int = Field(
        32,
        ge=1,
        description="shortest side of the pasted box in pixels; on a canvas that is not larger, half of the canvas",
    )
    aspect: Literal["free", "keep"] = Field(
        "free", description="stretch the crop to the drawn box, or keep its aspect ratio (InsLoc)"
    )
    background: Literal["crop", "resize"] = Field(
        "crop", description="random crop of the background (MoCo v2), or the whole image resized to a square (InsLoc)"
    )
    photometric: Literal["separate", "composite"] = Field(
        "separate", description="color and blur separately on proposal and background, or on the composite (InsLoc)"
    )
    jitter: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="largest box jitter, as a share of the box's sides, of which the paper gives no number "
        "(docs/method.md#box-jitter); 0: off",
    )
    min_iou: float = Field(
        0.6, ge=0, lt=1, description="the IoU of jittered and pasted box must be greater than this; 0.6 is the paper's"
    )
    max_tries: int = Field(
        20, ge=1, description="how many jittered boxes to try; if none passes, the pasted box is used"
    )


@dataclass(frozen=True)
class View:
    """One view of a sample.

    Attributes:
        image: Canvas, uint8 ``(S, S, 3)`` RGB.
        box: The jittered box that features are pooled from, float32 ``(4,)`` in canvas pixels.
        pasted: The box that the proposal was pasted into, float32 ``(4,)``.
        changes: Parameters of color and blur that `device_photometric` still has to apply to background and proposal:
            float32 ``(2, 10)``.
    """

    image: Image
    box: Box
    pasted: Box
    changes: Floats | None = None


class Paste(NamedTuple):
    """What is drawn for the proposal of a view.

    Attributes:
        crop: The part of the proposal that is shown, in pixels of the proposal.
        corners: Where it is pasted, in pixels of the canvas.
        change: Its color and blur, with ``photometric=composite`` those of the whole view.
        flip: Whether it is flipped.
    """

    crop: Corners
    corners: Corners
    change: Photometric
    flip: bool


class CopyPasteJitter:
    """Crops a proposal, pastes it on a background and jitters its box.

    Args:
        canvas: S, side of the canvas in pixels.
        settings: How to copy, paste and jitter (``cpj.*``).
        augment: Color, blur, crops and flips (``augment.*``).
        defer_photometric: Leave color and blur to the device (`codo.views.device_photometric`); the view then holds
            their parameters.

    Example:
        >>> import numpy as np
        >>> from codo.views import CopyPasteJitter
        >>> image = np.full((80, 120, 3), 200, np.uint8)        # any RGB image
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
        defer_photometric: bool = False,
    ) -> None:
        self.defer_photometric = defer_photometric
        self._settings, self._augment = settings or CPJSettings(), augment or AugmentSettings()
        self._ranges, self._whole = _ranges(canvas, self._settings, self._augment), (0, 0, canvas, canvas)

    @property
    def canvas(self) -> int:
        """S."""
        return self._ranges.canvas

    @property
    def settings(self) -> CPJSettings:
        """How to copy, paste and jitter."""
        return self._settings

    @property
    def augment(self) -> AugmentSettings:
        """Color, blur, crops and flips."""
        return self._augment

    def __call__(self, image: Image, box: npt.ArrayLike, background: Image, rng: np.random.Generator) -> View:
        """One view of an object (Eq. 1).

        Args:
            image: uint8 RGB ``(H, W, 3)`` that contains the object.
            box: The object's proposal, ``x1, y1, x2, y2`` in pixels of the image, half-open; fractions are rounded.
            background: uint8 RGB ``(H', W', 3)`` to paste on; it is not changed.
            rng: Source of randomness.

        Raises:
            InputError: An image is not a uint8 RGB array, or the box is empty or not inside the image.
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

    def view(self, proposal: Image, background: LazyImage, rng: Source) -> View:
        """A view of ``proposal`` ``(h, w, 3)``, the part of an image inside the proposal's box."""
        height, width = proposal.shape[:2]
        behind, chosen = draw_view(background.width, background.height, width, height, self._ranges, rng)
        return self._pasted(proposal, self._rendered(background, behind), behind.change, chosen)

    def compose(self, proposal: Image, canvas: Image, rng: np.random.Generator) -> View:
        """Paste ``proposal`` on a finished canvas ``(S, S, 3)``, in place, and jitter its box."""
        height, width = proposal.shape[:2]
        return self._pasted(proposal, canvas, no_change(), draw_proposal(width, height, self._ranges, rng))

    def draw_background(self, background: LazyImage, rng: np.random.Generator) -> Image:
        """A new canvas ``(S, S, 3)`` with the augmented background."""
        return self._rendered(background, draw_background(background.width, background.height, self._ranges, rng))

    def draw_paste(self, size: tuple[int, int], background: tuple[int, int], rng: Source) -> Paste:
        """What `view` draws for a proposal with the same random numbers, without computing the view.

        Args:
            size: Width and height of the proposal.
            background: Width and height of the background image.
            rng: Source of randomness.
        """
        _, chosen = draw_view(*background, *size, self._ranges, rng)
        change = chosen.whole if self._ranges.composite else chosen.change
        return Paste(chosen.crop, chosen.corners, Photometric.of(change), chosen.flip)

    def _rendered(self, background: LazyImage, chosen: BackgroundChoices) -> Image:
        canvas = np.empty((self.canvas, self.canvas, 3), np.uint8)
        self._render(*background.part(chosen.part), chosen.flip, chosen.change, canvas, self._whole)
        return canvas

    def _pasted(self, proposal: Image, canvas: Image, background: Change, chosen: ProposalChoices) -> View:
        self._render(proposal, chosen.crop, chosen.flip, chosen.change, canvas, chosen.corners)
        changes = (background, chosen.change)
        if self._ranges.composite:
            changes = (chosen.whole, chosen.whole)
            if not self.defer_photometric:
                plain, canvas = canvas, np.empty_like(canvas)
                render(plain, self._whole, False, chosen.whole, canvas, self._whole)
        deferred = np.stack(changes).astype(np.float32) if self.defer_photometric else None
        return View(canvas, chosen.box, chosen.pasted, deferred)

    def _render(self, image: Image, part: Corners, flip: bool, change: Change, canvas: Image, target: Corners) -> None:
        render(image, part, flip, _UNCHANGED if self.defer_photometric else change, canvas, target)


def _ranges(canvas: int, settings: CPJSettings, augment: AugmentSettings) -> Ranges:
    """The numbers of the settings, as compiled code takes them."""
    return Ranges(
        canvas=int(canvas),
        crop_background=settings.background == "crop",
        background_area=floats(augment.crop_area),
        background_ratio=floats(augment.crop_ratio),
        foreground_area=floats(settings.foreground_area),
        foreground_ratio=floats(settings.foreground_ratio),
        size=floats(settings.size),
        # A side of the whole canvas would leave no background: the default is 32 pixels, and there are such canvases.
        min_side=int(settings.min_side) if settings.min_side < canvas else max(1, canvas // 2),
        keep_aspect=settings.aspect == "keep",
        flip=float(augment.flip),
        change=ChangeRanges.of(augment, canvas),
        composite=settings.photometric == "composite",
        jitter=float(settings.jitter),
        min_iou=float(settings.min_iou),
        max_tries=int(settings.max_tries),
    )
