"""Images in a page: small JPEGs as ``data:`` URIs, with boxes drawn over them by the browser.

Boxes stay vectors in the original pixel coordinates: they are sharp at any size and can be switched on and off.
"""

from __future__ import annotations

import base64

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from codo.catalog.catalog import Catalog
from codo.loading.pasted_views import PastedViews
from codo.reporting.html.blocks import Card, Picture, Shape
from codo.views.cpj import View

Image = npt.NDArray[np.uint8]  # (H, W, 3) RGB

PROPOSAL_LEGEND = [("proposal", "proposal kept in the catalog")]
GOLDEN = (5**0.5 - 1) / 2
VIEW_LEGEND = [("paste", "where the proposal was pasted"), ("jitter", "jittered box that features are pooled from")]


def data_uri(image: Image, longest: int = 320, budget: int = 24_000) -> str:
    """An image as a JPEG ``data:`` URI.

    Args:
        image: ``(H, W, 3)`` RGB.
        longest: Longest side in pixels; smaller images are not enlarged.
        budget: Bytes; larger JPEGs are encoded again at lower quality, down to 35.
    """
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    data = b""
    for quality in (80, 65, 50, 35):
        data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorspace="RGB")
        if len(data) <= budget:
            break
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"


def spread(total: int, wanted: int) -> list[int]:
    """``wanted`` indices (fewer if there are fewer) spread evenly over ``range(total)``."""
    count = min(total, wanted)
    return [(2 * i + 1) * total // (2 * count) for i in range(count)]


def proposal_card(catalog: Catalog, index: int, *, least: float = 0.0, longest: int = 320) -> Card:
    """An image of a catalog with its proposals.

    Args:
        catalog: The catalog.
        index: Of the image.
        least: Share of the proposals to leave out, spread evenly.
        longest: Longest side of the picture in pixels.
    """
    width, height = catalog.size(index)
    boxes = catalog.proposals(index) if catalog.has_proposals else ()
    # Multiples of the golden ratio: the shapes above any threshold are spread evenly over the list.
    shapes = [Shape("proposal", _box(box), score=1 - k * GOLDEN % 1) for k, box in enumerate(boxes)]
    visible = [shape for shape in shapes if (shape.score or 0) >= least]
    key = catalog.key(index)
    counted = f"{len(shapes)} proposal{'' if len(shapes) == 1 else 's'}" if catalog.has_proposals else "no proposals"
    picture = Picture(data_uri(catalog.image(index), longest), (width, height), f"Image {key} with {counted}", visible)
    values: dict[str, str | float] = {"key": key, "proposals": len(shapes), "pixels": width * height, "index": index}
    return Card([picture], key, f"{width} × {height} px · {counted}", values)


def views_card(pasted: PastedViews, epoch: int, sample: int, views: int, longest: int = 224) -> Card:
    """The proposal of a sample and its views."""
    proposal = pasted.proposal(epoch, sample)
    size = (proposal.shape[1], proposal.shape[0])
    pictures = [Picture(data_uri(proposal, longest), size, "The proposal that is pasted", (), "proposal", True)]
    for number, view in enumerate(pasted.views(epoch, sample, range(views))):
        name = "view 0 · query" if number == 0 else f"view {number} · key"
        pictures.append(view_picture(view, name, longest))
    return Card(pictures, pasted.foregrounds.key(sample), values={"key": pasted.foregrounds.key(sample)})


def view_picture(view: View, name: str, longest: int = 224) -> Picture:
    """A canvas with the pasted and the jittered box."""
    shapes = [Shape("paste", _box(view.pasted)), Shape("jitter", _box(view.box))]
    side = view.image.shape[0]
    return Picture(data_uri(view.image, longest), (side, side), f"{name}: canvas with both boxes", shapes, name)


def _box(values: npt.NDArray[np.float32 | np.int32]) -> tuple[float, float, float, float]:
    a, b, c, d = (float(v) for v in values)
    return a, b, c, d
