"""Photographs contained in the wheels of scikit-image and scikit-learn, as backgrounds of the demo.

The packages are located without importing them. If they are missing, there are fewer photographs or none, and the demo
uses procedural backgrounds. Only files whose license is stated by their package are listed.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from codo.core.errors import CodoError
from codo.demo.synthetic.pixels import Bytes, Colors, resized

Box = tuple[int, int, int, int]


class Photograph(NamedTuple):
    """One file of an installed package.

    Attributes:
        package: Import name of the package.
        path: Path of the file inside the package.
        license: License as stated by the package.
        author: Author to credit.
        objects: Our boxes around the main objects, ``x1, y1, x2, y2`` in its pixels.
        keep_out: Boxes of objects that look like one of the demo's classes, so they must not be in detection scenes.
    """

    package: str
    path: str
    license: str
    author: str
    objects: tuple[Box, ...] = ()
    keep_out: tuple[Box, ...] = ()

    @property
    def name(self) -> str:
        """Package and file name."""
        return f"{self.package}/{Path(self.path).name}"

    @property
    def is_texture(self) -> bool:
        """Whether it is a gray close-up of a surface, which is tinted when used."""
        return not self.objects

    def locate(self) -> Path | None:
        """The file on this machine; ``None`` if the package or the file is missing."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            return None
        file = Path(spec.origin).parent / self.path
        return file if file.is_file() else None


_SAUCER, _CUP, _PAGODA, _TREE = (77, 16, 481, 384), (168, 16, 408, 304), (80, 28, 362, 390), (540, 140, 640, 427)
_DAHLIA, _BUD = (168, 84, 448, 359), (287, 372, 463, 427)

SHIPPED = (
    Photograph("skimage", "data/astronaut.png", "public domain", "NASA", ((5, 12, 380, 512), (279, 341, 505, 510))),
    Photograph("skimage", "data/chelsea.png", "CC0 1.0", "Stefan van der Walt", ((12, 0, 392, 300),)),
    Photograph("skimage", "data/coffee.png", "CC0 1.0", "Rachel Michetti", (_SAUCER, _CUP), (_CUP,)),
    Photograph("skimage", "data/rocket.jpg", "public domain", "SpaceX", ((306, 122, 338, 408),)),
    Photograph("sklearn", "datasets/images/china.jpg", "CC BY 2.0", "danielbuechele", (_PAGODA,), (_PAGODA, _TREE)),
    Photograph("sklearn", "datasets/images/flower.jpg", "CC BY 2.0", "vultilion", (_DAHLIA, _BUD), (_DAHLIA, _BUD)),
    Photograph("skimage", "data/brick.png", "CC0 1.0", "CC0Textures"),
    Photograph("skimage", "data/gravel.png", "CC0 1.0", "CC0Textures"),
    Photograph("skimage", "data/grass.png", "CC0 1.0", "linolafett"),
)


def installed() -> tuple[Photograph, ...]:
    """The photographs on this machine; empty if neither package is installed."""
    return tuple(photograph for photograph in SHIPPED if photograph.locate() is not None)


@cache
def _read(file: Path) -> Bytes:
    """Decode once; all of them together are 10 MB."""
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None:
        raise CodoError("cannot decode a photograph of an installed package", where=str(file), fix="reinstall it")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read(photograph: Photograph) -> Bytes:
    """Decode a photograph; RGB (H, W, 3)."""
    file = photograph.locate()
    if file is None:
        raise FileNotFoundError(photograph.name)
    return _read(file)


def crop(rng: np.random.Generator, photograph: Photograph, height: int, width: int, *, avoid_objects: bool) -> Colors:
    """A random crop of a photograph as a background.

    Args:
        rng: Draws place, scale and mirroring.
        photograph: One of `installed`.
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        avoid_objects: Among several candidates, take the crop that shows least of `Photograph.keep_out`.

    Returns:
        RGB in 0..1, float32 (height, width, 3).
    """
    image = read(photograph)
    h, w = image.shape[:2]
    scales = rng.uniform(0.25, 0.9, 40) * min(h / height, w / width)
    places = rng.random((40, 2))
    if not avoid_objects:
        scales, places = scales[:1], places[:1]
    candidates = []
    for scale, (right, down) in zip(scales, places, strict=True):
        ch, cw = max(8, int(scale * height)), max(8, int(scale * width))
        y, x = int(down * (h - ch)), int(right * (w - cw))
        hidden = sum(_overlap((x, y, x + cw, y + ch), box) for box in photograph.keep_out) / (ch * cw)
        candidates.append((hidden, y, x, ch, cw))
    _, y, x, ch, cw = min(candidates, key=lambda candidate: candidate[0])
    piece = image[y : y + ch, x : x + cw]
    piece = resized(piece[:, ::-1] if rng.random() < 0.5 else piece, height, width)
    return piece.astype(np.float32) / np.float32(255)


def around_object(rng: np.random.Generator, photograph: Photograph, size: int) -> Bytes:
    """A square crop around one of a photograph's objects; uint8 RGB (size, size, 3).

    The crop is 1.1 to 1.6 times as long as the object and off-center by up to a tenth; if the photograph is too small
    for that, the crop is the largest square near the object.
    """
    image = read(photograph)
    h, w = image.shape[:2]
    x1, y1, x2, y2 = photograph.objects[int(rng.integers(len(photograph.objects)))]
    side = min(h, w, int(max(x2 - x1, y2 - y1) * rng.uniform(1.1, 1.6)))
    x, y = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) + rng.uniform(-0.1, 0.1, 2) * side - side / 2
    left, top = int(np.clip(x, 0, w - side)), int(np.clip(y, 0, h - side))
    piece = image[top : top + side, left : left + side]
    return resized(piece[:, ::-1] if rng.random() < 0.5 else piece, size, size)


def _overlap(a: Box, b: Box) -> int:
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
