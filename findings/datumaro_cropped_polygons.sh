#!/usr/bin/env bash
# datumaro 1.13.12: its crop moves the points of outlines to the border, so objects outside get masks, others lose half.
#
# `CropTransform` clamps each point of a polygon to the crop on its own. Where an edge crosses the border this is another shape
# than what is seen of the object: a triangle that fills the crop keeps half of it, and one that only touches it from outside
# gets half of it. Keypoints that the crop cuts off move to the border too, and stay "visible" (2). Nothing is said. Boxes are
# cut rightly. `Tile`, the sibling, cuts polygons geometrically. Cut with it, or make masks of the polygons before.
#
# Below two halves of an image of 100 x 100 pixels, divided by a diagonal, and two keypoints; then its lower right quarter.
#
# Seen on Linux, Python 3.11 (about 800 MB are installed for a while):
#   by hand: 2500 and 0 square pixels
#   tile: 2500 and 0
#   crop: 1250 and 1250
#   crop, keypoints (60, 60) and (10, 20): (10, 10) visible, (0, 0) visible
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datumaro==1.13.12 numpy==2.4.6

cat > "$work/crop.py" <<'PYTHON'
import numpy as np
from datumaro import Dataset, DatasetItem, Image, Points, Polygon


def area(polygon):
    x, y = np.array(polygon.points).reshape(-1, 2).T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def data(*annotations):
    image = Image.from_numpy(np.zeros((100, 100, 3), np.uint8))
    return Dataset.from_iterable([DatasetItem("a", media=image, annotations=list(annotations))], categories=["thing"])


def show(words, items):
    """The areas of the polygons of the lower right quarter: by their labels, 0 where there is none."""
    sizes = {one.id: area(one) for one in items[-1].annotations}
    print(f"{words}: {sizes.get(1, 0):.0f} and {sizes.get(2, 0):.0f}")


halves = [
    Polygon([0, 100, 100, 100, 100, 0], label=0, id=1),  # lower right, it fills the quarter
    Polygon([0, 0, 100, 0, 0, 100], label=0, id=2),  # upper left, it touches the quarter in a point
]
print("by hand: 2500 and 0 square pixels")
tiles = data(*halves).transform("tile", grid_size=(2, 2), overlap=(0, 0), threshold_drop_ann=0.1)
show("tile", sorted(tiles, key=lambda item: item.id))
show("crop", list(data(*halves).transform("crop", x=50, y=50, width=50, height=50)))
points = Points([60, 60, 10, 20], [2, 2], label=0)
(item,) = data(points).transform("crop", x=50, y=50, width=50, height=50)
(one,) = item.annotations
places = zip(one.points[::2], one.points[1::2], one.visibility, strict=True)
found = ", ".join(f"({x:.0f}, {y:.0f}) {seen.name}" for x, y, seen in places)
print(f"crop, keypoints (60, 60) and (10, 20): {found}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" crop.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='by hand: 2500 and 0 square pixels
tile: 2500 and 0
crop: 1250 and 1250
crop, keypoints (60, 60) and (10, 20): (10, 10) visible, (0, 0) visible'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
