"""DiLo's views (Zhao et al. 2020): the salient part of an image on another background, then a random crop.

Half of the views (``share``) are pasted. A background is one of three kinds, equally likely by default: a gray level, a
texture, or a part of another image. Published are the three kinds; a texture is here a small patch of a background
image, mirrored again and again, as no set of textures comes with the package.

An image is split by its saliency S (`codo.saliency`), once a run (`codo.loading.stored_alphas`). Its alpha is 0 where S
is below the image's mean, 1 above twice the mean (the adaptive threshold of Achanta et al. 2009), and between them
linear. Images whose foreground is smaller or larger than ``foreground`` are not pasted: they have no object that stands
out.

Legend: S side of a view, h, w sides of a crop in pixels of the image, b samples of this rank, V views.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from codo.catalog.catalog import Catalog
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.core.rng import RngStream, generator
from codo.loading.crop_dataset import Crop, PairDataset, random_view, render_crop
from codo.loading.pools import Pool
from codo.loading.stored_alphas import Alpha, Computed, StoredAlphas, complete, owner_of
from codo.saliency.robust_background import saliency
from codo.views.lazy_image import Corners, Image, LazyImage
from codo.views.random_crop import Shares, random_crop

KINDS: tuple[Literal["gray"], Literal["texture"], Literal["image"]] = ("gray", "texture", "image")
LOOKED_AT = 32
"""Images whose saliency is looked at before a run."""
FEW = 0.5
"""Share of images with an object below which a run warns."""
PATCH = 0.125
"""Side of a texture's patch, as a share of the background image's shorter side."""


class SalientSettings(Settings):
    """Settings of pasted views, a base of a method's own settings."""

    pasted: float = Field(0.5, ge=0, le=1, description="probability that a view shows its object on another background")
    backgrounds: tuple[float, float, float] = Field(
        (1.0, 1.0, 1.0), description="how likely are backgrounds that are gray, a texture, a part of an image; relative"
    )
    foreground: Shares = Field(
        (0.05, 0.8), description="range of the salient share of an image's area; other images are not pasted"
    )

    @model_validator(mode="after")
    def _possible(self) -> SalientSettings:
        if min(self.backgrounds) < 0 or not any(self.backgrounds):
            raise ValueError("options.backgrounds needs three numbers that are not negative, one of them positive")
        return self


class SalientPairs(PairDataset):
    """Views for momentum contrast, some of them pasted.

    Args:
        images: The images.
        crops: Settings of each view.
        seed: The run's seed.
        query: Images for the backgrounds of view 0 (query network).
        key: Images for the backgrounds of views 1 and up (key network).
        settings: How to paste.

    Attributes:
        stored: The alphas of all images, after `store_alphas`; without them, each is computed when it is needed.
    """

    stored: StoredAlphas | None = None

    def __init__(
        self, images: Catalog, crops: Sequence[Crop], seed: int, query: Pool, key: Pool, settings: SalientSettings
    ) -> None:
        super().__init__(images, crops, seed)
        self.query, self.key, self.settings = query, key, settings
        self.kinds = np.cumsum(settings.backgrounds) / sum(settings.backgrounds)

    def check_images(self) -> list[str]:
        """Look for salient objects in `LOOKED_AT` images; see `StepDataset.check_images`."""
        looked = np.unique(np.linspace(0, len(self) - 1, LOOKED_AT).astype(int)).tolist()
        found = sum(self.alpha(self.images.lazy_image(i).decode()) is not None for i in looked)
        low, high = self.settings.foreground
        objects = f"a salient object of {low:.0%} to {high:.0%} of the area (options.foreground)"
        if not found:
            what, fix = f"none of {len(looked)} images has {objects}", "widen it, or use method=moco_v2 without objects"
            raise InputError(what, where=str(self.images.path), fix=fix)
        few = f"only {found} of {len(looked)} images have {objects}: the others are not pasted"
        return [few] if found < FEW * len(looked) else []

    def alpha(self, image: Image) -> Alpha | None:
        """How much a reduced image ``(h, w)`` belongs to the foreground, 0 to 1; ``None`` without an object."""
        found = saliency(np.ascontiguousarray(image))
        mean = float(found.mean())
        if not mean:
            return None
        alpha = np.clip((found - mean) / mean, 0, 1).astype(np.float32)
        low, high = self.settings.foreground
        return alpha if low <= float((alpha > 0.5).mean()) <= high else None

    def store_alphas(self, path: Path) -> Computed:
        """Compute the alphas of all images that a file lacks, and use the file.

        Raises:
            CodoError: It has alphas of other images or settings; or an image cannot be read.
        """
        owner = owner_of(self.images.hashes, self.settings.foreground)
        done = complete(path, owner, len(self), lambda i: self.alpha(self.images.lazy_image(i).decode()))
        self.stored = StoredAlphas(path)
        return done

    def views(self, epoch: int, sample: int, wanted: Sequence[int]) -> list[Image]:
        """See `CropViews.views`."""
        image = self.images.lazy_image(sample)
        streams = [generator(self.seed, epoch, sample, RngStream.VIEW + number) for number in wanted]
        pasted = [rng.random() < self.settings.pasted for rng in streams]
        alpha = None
        if any(pasted):
            alpha = self.alpha(image.decode()) if self.stored is None else self.stored[sample]
        return [
            random_view(image, self.crops[number], rng)
            if alpha is None or not pastes
            else self.pasted_view(image, alpha, number, rng)
            for number, rng, pastes in zip(wanted, streams, pasted, strict=True)
        ]

    def pasted_view(self, image: LazyImage, alpha: Alpha, number: int, rng: np.random.Generator) -> Image:
        """View ``number``, a random crop of an image whose background is replaced: ``(S, S, 3)``."""
        crop = self.crops[number]
        part = random_crop(image.width, image.height, crop.augment.crop_area, crop.augment.crop_ratio, rng)
        pixels, (x1, y1, x2, y2) = image.part(part)
        share = cut_alpha(alpha, (image.width, image.height), part)[..., None]
        background = self.background(x2 - x1, y2 - y1, number, rng)
        mixed = background + share * (pixels[y1:y2, x1:x2].astype(np.float32) - background)
        composed = LazyImage.from_array(np.rint(mixed).astype(np.uint8))
        return render_crop(composed, (0, 0, composed.width, composed.height), crop, rng)[0]

    def background(self, width: int, height: int, number: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """A random background of view ``number``: float32 ``(height, width, 3)``, or ``(1, 1, 3)`` of a gray level."""
        kind = KINDS[min(int(np.searchsorted(self.kinds, rng.random(), side="right")), len(KINDS) - 1)]
        if kind == "gray":
            return np.full((1, 1, 3), rng.integers(256), np.float32)
        catalog, index = (self.query if number == 0 else self.key).draw(rng)
        image = catalog.lazy_image(index)
        if kind == "image":
            augment = self.crops[number].augment
            corners = random_crop(image.width, image.height, augment.crop_area, augment.crop_ratio, rng)
            return cv2.resize(_cut(image, corners), (width, height)).astype(np.float32)
        side = max(1, round(PATCH * min(image.width, image.height)))
        x, y = int(rng.integers(image.width - side + 1)), int(rng.integers(image.height - side + 1))
        return mirrored(_cut(image, (x, y, x + side, y + side)), width, height).astype(np.float32)


def cut_alpha(alpha: Alpha, size: tuple[int, int], part: Corners) -> Alpha:
    """The alpha of a part of an image, interpolated to its pixels.

    Args:
        alpha: Of the whole image, reduced.
        size: Width and height of the image.
        part: In pixels of the image.
    """
    x1, y1, x2, y2 = part
    scale_x, scale_y = alpha.shape[1] / size[0], alpha.shape[0] / size[1]
    # Centers of pixels: pixel x of the part is at (x + x1 + 1/2) scale - 1/2 of the reduced image.
    matrix = np.array([[scale_x, 0, (x1 + 0.5) * scale_x - 0.5], [0, scale_y, (y1 + 0.5) * scale_y - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(alpha, matrix, (x2 - x1, y2 - y1), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.float32)


def mirrored(patch: Image, width: int, height: int) -> Image:
    """A patch repeated to the right and downwards, every other time mirrored, so that its edges meet."""
    h, w = patch.shape[:2]
    tile = np.concatenate([patch, patch[:, ::-1]], axis=1)
    tile = np.concatenate([tile, tile[::-1]], axis=0)
    repeats = (-(-height // (2 * h)), -(-width // (2 * w)), 1)
    return np.tile(tile, repeats)[:height, :width]


def _cut(image: LazyImage, corners: Corners) -> Image:
    pixels, (x1, y1, x2, y2) = image.part(corners)
    return pixels[y1:y2, x1:x2]
