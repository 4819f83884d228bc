#!/usr/bin/env bash
# AP by map-boxes 1.0.6 and mapcalc 0.2.2 depends on the order in which the detections are given.
#
# Average precision ranks detections by their scores; the order in which they come means nothing. In
# `mean_average_precision_for_boxes` of map-boxes it decides which of two detections of one object is the right one: those
# of an image are matched as they come, and are sorted after that. If a weaker duplicate comes first, the better one
# becomes the false positive, with the higher score. `calculate_map` of mapcalc asks for scores and does not use them: the
# order is the ranking. Models return boxes by score in an image or a class, but lists that are merged, tiles, or files
# need not be sorted. pycocotools and mean-average-precision 2024.1.5.0 sort.
# Nothing is said.
#
# More of this kind: map-boxes goes through the images of the annotations, so that false positives in images without
# objects never count; `exclude_not_in_annotations`, "Default: False", changes nothing, but where ImageIDs are whole
# numbers True drops all detections, for it looks for numbers among strings. mapcalc and mean-average-precision count the
# pixels of boxes inclusively, adding 1 to width and height, whatever the unit: with coordinates from 0 to 1 boxes that do
# not touch match.
#
# Below AP at an IoU of 0.5; in the first cases one of two objects is found.
#
# Seen on Linux, Python 3.11:
#   an object is found twice, by score: pycocotools 0.50, mean_average_precision 0.50, map_boxes 0.50, mapcalc 0.50
#   an object is found twice, reversed: pycocotools 0.50, mean_average_precision 0.50, map_boxes 0.25, mapcalc 0.50
#   a false positive has the higher score, by score: pycocotools 0.25, mean_average_precision 0.25, map_boxes 0.25, mapcalc 0.25
#   a false positive has the higher score, reversed: pycocotools 0.25, mean_average_precision 0.25, map_boxes 0.25, mapcalc 0.50
#   map-boxes, all are found: 1.00, with exclude_not_in_annotations=True 1.00
#   map-boxes, all are found, and much in an image without objects: 1.00, with exclude_not_in_annotations=True 1.00
#   map-boxes, all are found, ImageID is a number: 1.00, with exclude_not_in_annotations=True 0.00
#   boxes from 0 to 1 that do not touch: pycocotools 0.00, mean_average_precision 1.00, map_boxes 0.00, mapcalc 1.00
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check map-boxes==1.0.6 mapcalc==0.2.2 \
  mean-average-precision==2024.1.5.0 pycocotools==2.0.11 numpy==2.4.6

cat > "$work/order.py" <<'PYTHON'
import contextlib
import io

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):  # map-boxes says on import that it has no compiled part
    from map_boxes import mean_average_precision_for_boxes
from mapcalc import calculate_map
from mean_average_precision import MetricBuilder
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def pycocotools(objects, found):
    """AP at an IoU of 0.5 of (x1, y1, x2, y2) and (x1, y1, x2, y2, score) in one image."""

    def data(rows):
        coco = COCO()
        coco.dataset = {"info": {}, "images": [{"id": 1}], "categories": [{"id": 1, "name": "cat"}]}
        coco.dataset["annotations"] = [
            {"id": i, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [x, y, u - x, v - y], "area": (u - x) * (v - y)}
            | {"score": score[0] if score else 1.0}
            for i, (x, y, u, v, *score) in enumerate(rows, 1)
        ]
        coco.createIndex()
        return coco

    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(data(objects), data(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[1]


def mean_average_precision(objects, found):
    metric = MetricBuilder.build_evaluation_metric("map_2d", async_mode=False, num_classes=1)
    predictions = [[*box, 0, score] for *box, score in found]
    metric.add(np.array(predictions, dtype=float), np.array([[*box, 0, 0, 0] for box in objects], dtype=float))
    return metric.value(iou_thresholds=0.5)["mAP"]


def map_boxes(objects, found, image="1.jpg", more=(), **options):
    """Its columns are ImageID, LabelName, [Conf], XMin, XMax, YMin, YMax."""
    annotations = np.array([[image, "cat", x, u, y, v] for x, y, u, v in objects], dtype=object)
    predictions = [[image, "cat", score, x, u, y, v] for x, y, u, v, score in found] + list(more)
    return mean_average_precision_for_boxes(annotations, np.array(predictions, dtype=object), verbose=False, **options)[0]


def mapcalc(objects, found):
    truth = {"boxes": objects, "labels": [1] * len(objects)}
    result = {"boxes": [row[:4] for row in found], "labels": [1] * len(found), "scores": [row[4] for row in found]}
    return calculate_map(truth, result, 0.5)


one, other, nothing = [0, 0, 50, 50], [100, 100, 150, 150], [300, 300, 350, 350]
cases = {
    "an object is found twice": [[*one, 0.9], [*one[:3], 52, 0.3]],
    "a false positive has the higher score": [[*nothing, 0.9], [*one, 0.3]],
}
packages = (pycocotools, mean_average_precision, map_boxes, mapcalc)
for words, found in cases.items():
    for order, rows in (("by score", found), ("reversed", found[::-1])):
        values = ", ".join(f"{package.__name__} {package([one, other], rows):.2f}" for package in packages)
        print(f"{words}, {order}: {values}")

found = [[*one, 0.9], [*other, 0.8]]
much = [["2.jpg", "cat", 0.95, x, x + 50, 0, 50] for x in range(0, 500, 50)]
for words, image, more in (
    ("all are found", "1.jpg", []),
    ("all are found, and much in an image without objects", "1.jpg", much),
    ("all are found, ImageID is a number", 1, []),
):
    values = (map_boxes([one, other], found, image, more, exclude_not_in_annotations=flag) for flag in (False, True))
    print(f"map-boxes, {words}: {next(values):.2f}, with exclude_not_in_annotations=True {next(values):.2f}")
apart = [0.1, 0.1, 0.2, 0.2], [0.3, 0.3, 0.4, 0.4, 0.9]
values = ", ".join(f"{package.__name__} {package([apart[0]], [apart[1]]):.2f}" for package in packages)
print(f"boxes from 0 to 1 that do not touch: {values}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" order.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='an object is found twice, by score: pycocotools 0.50, mean_average_precision 0.50, map_boxes 0.50, mapcalc 0.50
an object is found twice, reversed: pycocotools 0.50, mean_average_precision 0.50, map_boxes 0.25, mapcalc 0.50
a false positive has the higher score, by score: pycocotools 0.25, mean_average_precision 0.25, map_boxes 0.25, mapcalc 0.25
a false positive has the higher score, reversed: pycocotools 0.25, mean_average_precision 0.25, map_boxes 0.25, mapcalc 0.50
map-boxes, all are found: 1.00, with exclude_not_in_annotations=True 1.00
map-boxes, all are found, and much in an image without objects: 1.00, with exclude_not_in_annotations=True 1.00
map-boxes, all are found, ImageID is a number: 1.00, with exclude_not_in_annotations=True 0.00
boxes from 0 to 1 that do not touch: pycocotools 0.00, mean_average_precision 1.00, map_boxes 0.00, mapcalc 1.00'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
