#!/usr/bin/env bash
# monai 1.6.1: for COCOMetric's mAP a class without objects in the validation data counts as an AP of -1.
#
# `monai.apps.detection`'s COCOMetric ("Class to compute COCO metrics", adapted from pycocotools) fills the precision of a
# class that has no ground truth with -1, as pycocotools does. pycocotools then leaves -1 out of its means. COCOMetric leaves
# it out of the recall (mAR), but averages it into mAP and AP: with p of n classes present it gives
# (p * AP - (n - p)) / n, which is below 0 for most detectors once half of the classes is absent. A small validation set, a
# fold of a cross-validation or a data set of some of the classes has such classes. Numbers of folds, of data sets and of lists
# of classes cannot be compared, nor with any published ones: a detector that finds everything falls from 1.0 to -0.2 below. A
# line in the log ("no results found for coco metric for class ...") is all that is said.
#
# Take the mean of the values of the single classes (`<class>_mAP_...`), without those that are -1; or pycocotools.
#
# Below a detector that finds each object exactly; one object in each image, of p of 10 classes.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   10 of 10 classes present: monai: mAP 1.0, AP at 0.5 1.0, mAR 1.0; pycocotools: mAP 1.0
#   9 of 10 classes present: monai: mAP 0.8, AP at 0.5 0.8, mAR 1.0; pycocotools: mAP 1.0
#   8 of 10 classes present: monai: mAP 0.6, AP at 0.5 0.6, mAR 1.0; pycocotools: mAP 1.0
#   6 of 10 classes present: monai: mAP 0.2, AP at 0.5 0.2, mAR 1.0; pycocotools: mAP 1.0
#   4 of 10 classes present: monai: mAP -0.2, AP at 0.5 -0.2, mAR 1.0; pycocotools: mAP 1.0
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.15.0 monai==1.6.1 pycocotools==2.0.11 numpy==2.4.6

cat > "$work/absent.py" <<'PYTHON'
import contextlib
import io

import numpy as np
from monai.apps.detection.metrics.coco import COCOMetric
from monai.apps.detection.metrics.matching import matching_batch
from monai.data.box_utils import box_iou
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

CLASSES = 10


def of_monai(present):
    metric = COCOMetric(
        classes=[f"c{number}" for number in range(CLASSES)],
        iou_list=[0.5],
        iou_range=(0.5, 0.95, 0.05),
        max_detection=[100],
        per_class=False,
        verbose=False,
    )
    boxes = [np.array([[10.0, 10.0, 50.0, 30.0]], dtype=np.float32)] * present
    labels = [np.array([number]) for number in range(present)]
    matched = matching_batch(
        iou_fn=box_iou,
        iou_thresholds=metric.iou_thresholds,
        pred_boxes=boxes,
        pred_classes=labels,
        pred_scores=[np.array([0.9])] * present,
        gt_boxes=boxes,
        gt_classes=labels,
    )
    found, _ = metric(matched)
    names = ("mAP_IoU_0.50_0.95_0.05_MaxDet_100", "AP_IoU_0.50_MaxDet_100", "mAR_IoU_0.50_0.95_0.05_MaxDet_100")
    return [found[name] for name in names]


def of_pycocotools(present):
    truth = COCO()
    truth.dataset = {
        "images": [{"id": number + 1, "width": 100, "height": 50} for number in range(present)],
        "categories": [{"id": number, "name": f"c{number}"} for number in range(CLASSES)],
        "annotations": [
            {"id": n + 1, "image_id": n + 1, "category_id": n, "bbox": [10, 10, 40, 20], "area": 800, "iscrowd": 0}
            for n in range(present)
        ],
    }
    truth.createIndex()
    found = truth.loadRes(
        [{"image_id": n + 1, "category_id": n, "bbox": [10, 10, 40, 20], "score": 0.9} for n in range(present)]
    )
    evaluation = COCOeval(truth, found, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[0]


for present in (10, 9, 8, 6, 4):
    mean_ap, ap, recall = of_monai(present)
    with contextlib.redirect_stdout(io.StringIO()):
        reference = of_pycocotools(present)
    print(
        f"{present} of {CLASSES} classes present: monai: mAP {mean_ap:.1f}, AP at 0.5 {ap:.1f}, mAR {recall:.1f}; "
        f"pycocotools: mAP {reference:.1f}"
    )
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" absent.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='10 of 10 classes present: monai: mAP 1.0, AP at 0.5 1.0, mAR 1.0; pycocotools: mAP 1.0
9 of 10 classes present: monai: mAP 0.8, AP at 0.5 0.8, mAR 1.0; pycocotools: mAP 1.0
8 of 10 classes present: monai: mAP 0.6, AP at 0.5 0.6, mAR 1.0; pycocotools: mAP 1.0
6 of 10 classes present: monai: mAP 0.2, AP at 0.5 0.2, mAR 1.0; pycocotools: mAP 1.0
4 of 10 classes present: monai: mAP -0.2, AP at 0.5 -0.2, mAR 1.0; pycocotools: mAP 1.0'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
