#!/usr/bin/env bash
# torchmetrics 1.9.0: MeanAveragePrecision writes COCO files without their classes, and reads them without empty images.
#
# `tm_to_coco` saves what the metric holds as COCO files. It does not pass `average` on, so that files are always written
# as for "micro": every annotation has its category, but the list of categories has the category 0 alone, and tools that
# go by the list evaluate this one. If labels start at 1 pycocotools evaluates nothing, and AP is -1.
#
# `coco_to_tm` converts COCO files "to the input format of this metric"; its example calls it on MeanAveragePrecision().
# The boxes stay as in the file: corner, width and height, which the metric with its default box_format="xyxy" takes for
# two corners. Far from the left upper corner of an image such boxes are empty, near to it AP is plausible, and wrong.
# Further it goes through the annotations, not the images: images without objects are dropped with all that was found in
# them, and no false positive there counts. MeanAveragePrecision(box_format="xywh") cures the first, not the second.
# Nothing is said about any of the three.
#
# Below two classes are written, of which one is found; then files are read in which one object is found, not quite
# exactly, and an image without objects has a detection.
#
# Seen on Linux, Python 3.11 (about 6 GB are installed for a while):
#   written: AP of the metric 0.500, pycocotools' AP of its files 1.000, categories [0], used by annotations [0, 1]
#   read: pycocotools 0.200
#   read: coco_to_tm and box_format="xyxy" 0.600, 1 of 2 images
#   read: coco_to_tm and box_format="xywh" 0.400, 1 of 2 images
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 torchmetrics==1.9.0 \
  pycocotools==2.0.11 numpy==2.4.6

cat > "$work/files.py" <<'PYTHON'
import contextlib
import io
import json
from pathlib import Path

import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchmetrics.detection import MeanAveragePrecision


def pycocotools(target, found):
    """AP of two files."""
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO(target)
        evaluation = COCOeval(data, data.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[0]


cat, dog, nothing = [10.0, 10, 50, 50], [60.0, 60, 90, 90], [100.0, 100, 120, 120]
metric = MeanAveragePrecision()
metric.update(
    [{"boxes": torch.tensor([cat, nothing]), "scores": torch.tensor([0.9, 0.8]), "labels": torch.tensor([0, 1])}],
    [{"boxes": torch.tensor([cat, dog]), "labels": torch.tensor([0, 1])}],
)
metric.tm_to_coco("written")
data = json.loads(Path("written_target.json").read_text())
print(
    f"written: AP of the metric {metric.compute()['map']:.3f}, pycocotools' AP of its files"
    f" {pycocotools('written_target.json', 'written_preds.json'):.3f}, categories {[row['id'] for row in data['categories']]},"
    f" used by annotations {[row['category_id'] for row in data['annotations']]}"
)

placed, found = [10, 10, 100, 100], [30, 10, 100, 100]  # x, y, width, height
rows = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": placed, "area": 10000, "iscrowd": 0}]
size = {"width": 200, "height": 200}
images = [{"id": 1, "file_name": "1.png", **size}, {"id": 2, "file_name": "2.png", **size}]
target = {"info": {}, "images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": rows}
Path("target.json").write_text(json.dumps(target))
detections = [{"image_id": i, "category_id": 1, "bbox": found, "score": score} for i, score in ((1, 0.5), (2, 0.9))]
Path("found.json").write_text(json.dumps(detections))
print(f"read: pycocotools {pycocotools('target.json', 'found.json'):.3f}")
for box_format in ("xyxy", "xywh"):
    metric = MeanAveragePrecision(box_format=box_format)
    predictions, targets = metric.coco_to_tm("found.json", "target.json", iou_type="bbox")
    metric.update(predictions, targets)
    words = f'coco_to_tm and box_format="{box_format}"'
    print(f"read: {words} {metric.compute()['map']:.3f}, {len(targets)} of {len(images)} images")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" files.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected="written: AP of the metric 0.500, pycocotools' AP of its files 1.000, categories [0], used by annotations [0, 1]
read: pycocotools 0.200
read: coco_to_tm and box_format=\"xyxy\" 0.600, 1 of 2 images
read: coco_to_tm and box_format=\"xywh\" 0.400, 1 of 2 images"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
