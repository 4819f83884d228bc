#!/usr/bin/env bash
# torchmetrics 1.9.0: PanopticQuality does not count objects that a model leaves out; one pixel of each can be enough for 1.0.
#
# Panoptic models leave pixels without a label, such as those of segments below their threshold of confidence. Such pixels
# raise an error here, unless allow_unknown_preds_category=True, which is "to specify if unknown categories in the
# predictions are to be ignored in the metric computation". One expects that they count for no class, as in panopticapi,
# by which the class is "inspired", and as in the paper: only pixels without a label in the ground truth are taken out
# there, and an object that is not found is a miss. Here unlabelled pixels of the prediction are taken out as well:
# `_filter_false_negatives` drops an unmatched object if more than half of it is unlabelled in the prediction, and
# `_calculate_iou` takes these pixels out of the union. So a model looks better that leaves out what it is less sure of,
# and its PQ cannot be compared with one of panopticapi. ModifiedPanopticQuality shares this code. Nothing is said at run
# time. A way out: make the value of unlabelled pixels a known category that no target has, and look at the values of the
# others (return_per_class=True).
#
# Below an image of two objects, each one half of it. hotcoco 1.3.0 follows panopticapi, which is not on PyPI.
#
# Seen on Linux, Python 3.11 (about 6 GB are installed for a while):
#   the second object is of another class: torchmetrics 0.667, hotcoco 0.667
#   the second object is left out: torchmetrics 1.000, hotcoco 0.667
#   three quarters of both are left out: torchmetrics 1.000, hotcoco 0.000
#   all but one pixel of both is left out: torchmetrics 1.000, hotcoco 0.000
#   the same, unlabelled pixels as a category of their own: torchmetrics 0.000
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 torchmetrics==1.9.0 \
  hotcoco==1.3.0 numpy==2.4.6 pillow==13.0.0

cat > "$work/panoptic.py" <<'PYTHON'
import contextlib
import io
import json
from pathlib import Path

import numpy as np
import torch
from hotcoco.panoptic import pq_compute
from PIL import Image
from torchmetrics.detection import PanopticQuality

thing, stuff, unlabelled = 1, 2, 0
target = np.zeros((8, 16, 2), dtype=np.int64)  # category and number of the object of each pixel
target[:, :8], target[:, 8:] = (thing, 1), (thing, 2)


def torchmetrics(prediction, **options):
    """PQ of the things."""
    metric = PanopticQuality(things={thing}, allow_unknown_preds_category=True, return_per_class=True, **options)
    return metric(torch.from_numpy(prediction)[None], torch.from_numpy(target)[None])[0, 0].item()


def write(name, pixels):
    """COCO's panoptic format: a file of JSON and a folder with an image whose pixels are numbers of segments, 0 for none."""
    segments = {tuple(pixel) for pixel in pixels.reshape(-1, 2).tolist() if pixel[0] != unlabelled}
    numbers = {segment: i for i, segment in enumerate(sorted(segments), 1)}
    numbered = np.array([[numbers.get(tuple(pixel), 0) for pixel in row] for row in pixels.tolist()])
    Path(name).mkdir(exist_ok=True)
    Image.fromarray(np.stack([numbered, 0 * numbered, 0 * numbered], axis=2).astype(np.uint8)).save(f"{name}/1.png")
    rows = [
        {"id": i, "category_id": segment[0], "iscrowd": 0, "area": int((numbered == i).sum()), "bbox": [0, 0, 16, 8]}
        for segment, i in numbers.items()
    ]
    data = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 16, "height": 8}],
        "annotations": [{"image_id": 1, "file_name": "1.png", "segments_info": rows}],
        "categories": [{"id": thing, "name": "cat", "isthing": 1}, {"id": stuff, "name": "sky", "isthing": 0}],
    }
    Path(f"{name}.json").write_text(json.dumps(data))


def hotcoco(prediction):
    """PQ of the things."""
    write("target", target)
    write("prediction", prediction)
    with contextlib.redirect_stdout(io.StringIO()):
        return pq_compute("target.json", "prediction.json")["per_class"][thing]["pq"]


other, one = target.copy(), target.copy()
other[:, 8:], one[:, 8:] = (stuff, 0), unlabelled
quarters, dots = np.zeros_like(target), np.zeros_like(target)
quarters[:4, 2:6], quarters[:4, 10:14] = (thing, 1), (thing, 2)
dots[4, 4], dots[4, 12] = (thing, 1), (thing, 2)
cases = {
    "the second object is of another class": other,
    "the second object is left out": one,
    "three quarters of both are left out": quarters,
    "all but one pixel of both is left out": dots,
}
for words, prediction in cases.items():
    print(f"{words}: torchmetrics {torchmetrics(prediction, stuffs={stuff}):.3f}, hotcoco {hotcoco(prediction):.3f}")
alone = torchmetrics(dots, stuffs={stuff, unlabelled})
print(f"the same, unlabelled pixels as a category of their own: torchmetrics {alone:.3f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" panoptic.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='the second object is of another class: torchmetrics 0.667, hotcoco 0.667
the second object is left out: torchmetrics 1.000, hotcoco 0.667
three quarters of both are left out: torchmetrics 1.000, hotcoco 0.000
all but one pixel of both is left out: torchmetrics 1.000, hotcoco 0.000
the same, unlabelled pixels as a category of their own: torchmetrics 0.000'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
