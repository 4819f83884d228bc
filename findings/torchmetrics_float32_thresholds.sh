#!/usr/bin/env bash
# torchmetrics 1.9.0 and ignite 0.5.5 compute other APs than pycocotools 2.0.11: their thresholds are rounded to float32.
#
# MeanAveragePrecision of torchmetrics calls pycocotools, and its docstring names COCO's thresholds: IoU 0.5, 0.55, ...
# 0.95 and recall 0, 0.01, ... 1. But it makes them with torch.linspace in float32 and passes 0.550000012 and 0.800000012
# on, while pycocotools computes IoU and recall in float64: a box with an IoU of exactly 0.55 is a miss. (The backend
# "faster_coco_eval" gets the same thresholds.) ObjectDetectionAvgPrecisionRecall of ignite, "in the COCO way", makes them
# in the same way, and takes float64 for them after that. There the IoUs of float32 boxes are rounded as the thresholds
# are, which comes out right, those of float64 boxes are not.
#
# Boxes in whole pixels have such IoUs now and then, and recall lands on a threshold where the share that is found is a
# whole number of hundredths, as it always is with 2, 4, 5, 10, 20, 25, 50 or 100 objects of a class. An IoU on a
# threshold costs its object a tenth of its AP, a recall on one moves the AP of its class by up to a hundredth, down or
# up; numbers of small validation sets cannot be compared with those of pycocotools to the last digits. Nothing is said.
# With np.linspace(0.5, 0.95, 10).tolist() as iou_thresholds and np.linspace(0, 1, 101).tolist() as rec_thresholds
# torchmetrics has pycocotools' numbers; ignite has them with float64 tensors of the same, and float64 boxes. Lists of
# thresholds it rounds too.
#
# Below one object of 100 x 100 pixels is found with a box of fewer rows; then some of 10 objects are found exactly, with
# no false detection.
#
# Seen on Linux, Python 3.11 (about 6 GB are installed for a while):
#   IoU 0.55: pycocotools 0.200, torchmetrics 0.100, ignite 0.200, ignite with float64 boxes 0.100
#   IoU 0.60: pycocotools 0.300, torchmetrics 0.200, ignite 0.300, ignite with float64 boxes 0.200
#   IoU 0.65: pycocotools 0.400, torchmetrics 0.400, ignite 0.400, ignite with float64 boxes 0.400
#   IoU 0.70: pycocotools 0.500, torchmetrics 0.500, ignite 0.500, ignite with float64 boxes 0.500
#   IoU 0.75: pycocotools 0.600, torchmetrics 0.600, ignite 0.600, ignite with float64 boxes 0.600
#   IoU 0.80: pycocotools 0.700, torchmetrics 0.600, ignite 0.700, ignite with float64 boxes 0.600
#   IoU 0.85: pycocotools 0.800, torchmetrics 0.700, ignite 0.800, ignite with float64 boxes 0.700
#   IoU 0.90: pycocotools 0.900, torchmetrics 0.900, ignite 0.900, ignite with float64 boxes 0.900
#   IoU 0.95: pycocotools 1.000, torchmetrics 1.000, ignite 1.000, ignite with float64 boxes 1.000
#   5 of 10 found: pycocotools 0.505, torchmetrics 0.505, ignite 0.505, ignite with float64 boxes 0.505
#   6 of 10 found: pycocotools 0.604, torchmetrics 0.594, ignite 0.594, ignite with float64 boxes 0.594
#   7 of 10 found: pycocotools 0.693, torchmetrics 0.703, ignite 0.703, ignite with float64 boxes 0.703
#   8 of 10 found: pycocotools 0.802, torchmetrics 0.792, ignite 0.792, ignite with float64 boxes 0.792
#   9 of 10 found: pycocotools 0.901, torchmetrics 0.901, ignite 0.901, ignite with float64 boxes 0.901
#   torchmetrics with float64 thresholds is as pycocotools: True
#   ignite with float64 thresholds and boxes is as pycocotools: True
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 torchmetrics==1.9.0 \
  pytorch-ignite==0.5.5 pycocotools==2.0.11 numpy==2.4.6

cat > "$work/thresholds.py" <<'PYTHON'
import contextlib
import io

import numpy as np
import torch
from ignite.metrics.vision.object_detection_average_precision_recall import ObjectDetectionAvgPrecisionRecall
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchmetrics.detection import MeanAveragePrecision


def score(place):
    """The detections come in the order of their scores."""
    return 0.9 - place / 100


def pycocotools(objects, found):
    """AP of boxes in one image, all of one class."""

    def data(boxes):
        rows = [
            {"id": i + 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": (u - x) * (v - y), "score": score(i)}
            | {"bbox": [x, y, u - x, v - y]}
            for i, (x, y, u, v) in enumerate(boxes)
        ]
        coco = COCO()
        coco.dataset = {"info": {}, "images": [{"id": 1}], "categories": [{"id": 1, "name": "cat"}], "annotations": rows}
        coco.createIndex()
        return coco

    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(data(objects), data(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[0]


def items(objects, found, key, dtype):
    """The same as tensors."""
    target = {key: torch.tensor(objects, dtype=dtype), "labels": torch.zeros(len(objects), dtype=torch.int64)}
    detections = {key: torch.tensor(found, dtype=dtype), "labels": torch.zeros(len(found), dtype=torch.int64)}
    return [detections | {"scores": torch.tensor([score(i) for i in range(len(found))])}], [target]


def torchmetrics(objects, found, **thresholds):
    metric = MeanAveragePrecision(**thresholds)
    metric.update(*items(objects, found, "boxes", torch.float32))
    return metric.compute()["map"].item()


def ignite(objects, found, dtype=torch.float32, **thresholds):
    metric = ObjectDetectionAvgPrecisionRecall(num_classes=1, **thresholds)
    metric.update(items(objects, found, "bbox", dtype))
    return metric.compute()[0]


ten = [[50 * i, 0, 50 * i + 20, 20] for i in range(10)]
cases = {f"IoU 0.{rows}": ([[0, 0, 100, 100]], [[0, 0, 100, rows]]) for rows in range(55, 100, 5)}
cases |= {f"{count} of 10 found": (ten, ten[:count]) for count in range(5, 10)}
for words, case in cases.items():
    values = f"pycocotools {pycocotools(*case):.3f}, torchmetrics {torchmetrics(*case):.3f}, ignite {ignite(*case):.3f}"
    print(f"{words}: {values}, ignite with float64 boxes {ignite(*case, torch.float64):.3f}")
exact = {"iou_thresholds": np.linspace(0.5, 0.95, 10), "rec_thresholds": np.linspace(0, 1, 101)}
lists = {key: values.tolist() for key, values in exact.items()}
tensors = {key: torch.from_numpy(values) for key, values in exact.items()}
for words, same in (
    ("torchmetrics with float64 thresholds", lambda case: torchmetrics(*case, **lists)),
    ("ignite with float64 thresholds and boxes", lambda case: ignite(*case, torch.float64, **tensors)),
):
    print(f"{words} is as pycocotools: {all(abs(same(case) - pycocotools(*case)) < 1e-6 for case in cases.values())}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" thresholds.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='IoU 0.55: pycocotools 0.200, torchmetrics 0.100, ignite 0.200, ignite with float64 boxes 0.100
IoU 0.60: pycocotools 0.300, torchmetrics 0.200, ignite 0.300, ignite with float64 boxes 0.200
IoU 0.65: pycocotools 0.400, torchmetrics 0.400, ignite 0.400, ignite with float64 boxes 0.400
IoU 0.70: pycocotools 0.500, torchmetrics 0.500, ignite 0.500, ignite with float64 boxes 0.500
IoU 0.75: pycocotools 0.600, torchmetrics 0.600, ignite 0.600, ignite with float64 boxes 0.600
IoU 0.80: pycocotools 0.700, torchmetrics 0.600, ignite 0.700, ignite with float64 boxes 0.600
IoU 0.85: pycocotools 0.800, torchmetrics 0.700, ignite 0.800, ignite with float64 boxes 0.700
IoU 0.90: pycocotools 0.900, torchmetrics 0.900, ignite 0.900, ignite with float64 boxes 0.900
IoU 0.95: pycocotools 1.000, torchmetrics 1.000, ignite 1.000, ignite with float64 boxes 1.000
5 of 10 found: pycocotools 0.505, torchmetrics 0.505, ignite 0.505, ignite with float64 boxes 0.505
6 of 10 found: pycocotools 0.604, torchmetrics 0.594, ignite 0.594, ignite with float64 boxes 0.594
7 of 10 found: pycocotools 0.693, torchmetrics 0.703, ignite 0.703, ignite with float64 boxes 0.703
8 of 10 found: pycocotools 0.802, torchmetrics 0.792, ignite 0.792, ignite with float64 boxes 0.792
9 of 10 found: pycocotools 0.901, torchmetrics 0.901, ignite 0.901, ignite with float64 boxes 0.901
torchmetrics with float64 thresholds is as pycocotools: True
ignite with float64 thresholds and boxes is as pycocotools: True'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
