#!/usr/bin/env bash
# ensemble-boxes 1.0.9: soft_nms returns all boxes with the scores that they had before, so that nothing is suppressed.
#
# Soft-NMS keeps the boxes that overlap a better one, and lowers their scores; what counts are the lower scores. `soft_nms`
# computes them in a copy, and uses them to drop boxes below `thresh` (0.001 by default); then it takes the scores of the
# boxes that are left from the input. So an object that was found four times stays four detections with full scores, and AP
# is that of no NMS at all. `method` and `sigma` have hardly an effect. A larger `thresh` does not help: it makes a
# hard suppression of it. `nms`, `non_maximum_weighted` and `weighted_boxes_fusion` of the package are right in this.
# The documentation of `thresh` calls it "important for SoftNMS"; of the scores it says "confidence scores".
#
# Besides, `nms` and `soft_nms` multiply the scores by `weights` in the caller's list of scores: a second call with the same
# lists, as a search for the best weights or thresholds makes it, begins with scores that are weighted already, and the
# ratio between the models changes with each call. Give it copies of the lists (`list(scores)`).
#
# Below two boxes with IoU 0.95 and one far away; soft-NMS by the paper is some lines of NumPy. Then 30 images with 4 objects,
# each found by four boxes, and AP at IoU 0.5 by pycocotools. At last a box each of two models with weights 2 and 1.
#
# Seen on Linux, Python 3.11 (about 600 MB are installed for a while):
#   linear: scores 0.9 0.8 0.7 become 0.900 0.800 0.700, by the paper 0.900 0.040 0.700
#   gaussian: scores 0.9 0.8 0.7 become 0.900 0.800 0.700, by the paper 0.900 0.132 0.700
#   120 objects, each found 4 times, none: 480 boxes with scores above 0.3, AP50 0.721
#   120 objects, each found 4 times, nms: 120 boxes with scores above 0.3, AP50 1.000
#   120 objects, each found 4 times, soft_nms: 480 boxes with scores above 0.3, AP50 0.721
#   120 objects, each found 4 times, the paper's: 122 boxes with scores above 0.3, AP50 1.000
#   weights 2 and 1, the first call with the same lists: 0.60 0.30
#   weights 2 and 1, the second call with the same lists: 0.40 0.10
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ensemble-boxes==1.0.9 numba==0.68.1 llvmlite==0.50.0 \
  pandas==3.1.1 pycocotools==2.0.11 numpy==2.4.6

cat > "$work/soft.py" <<'PYTHON'
import contextlib
import io

import numpy as np
from ensemble_boxes import nms, soft_nms
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SIGMA, IOU = 0.5, 0.5


def iou(box, others):
    """IoU of one box with several ones."""
    corner, end = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    both = np.prod(np.clip(end - corner, 0, None), axis=1)
    return both / (np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - both)


def paper(boxes, scores, method):
    """Soft-NMS of one class as the paper has it: the scores of what overlaps the best box that is left become lower."""
    boxes, scores, left, found = np.array(boxes), np.array(scores), list(range(len(scores))), {}
    while left:
        best = max(left, key=lambda index: scores[index])
        left.remove(best)
        found[best] = scores[best]
        if left:
            overlap = iou(boxes[best], boxes[left])
            linear = np.where(overlap > IOU, 1 - overlap, 1)
            scores[left] *= linear if method == 1 else np.exp(-(overlap**2) / SIGMA)
    return np.array([found[index] for index in range(len(scores))])


def both(boxes, scores, method):
    """The scores of the boxes in the order given: of soft_nms, and of the paper."""
    found, of_found, _ = soft_nms([boxes], [scores], [[0] * len(boxes)], method=method, iou_thr=IOU, sigma=SIGMA, thresh=0)
    place = {tuple(box): score for box, score in zip(found.tolist(), of_found.tolist(), strict=True)}
    return np.array([place[tuple(box)] for box in boxes]), paper(boxes, scores, method)


def ap(truth, detections):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        images = [{"id": image, "width": 1000, "height": 1000} for image in range(1, len(truth) + 1)]
        coco.dataset = {"images": images, "annotations": [], "categories": [{"id": 1}]}
        for image, boxes in enumerate(truth, 1):
            for box in boxes * 1000:
                sides = {"bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()], "area": np.prod(box[2:] - box[:2])}
                one = {"id": len(coco.dataset["annotations"]) + 1, "image_id": image, "category_id": 1, "iscrowd": 0}
                coco.dataset["annotations"].append(one | sides)
        coco.createIndex()
        rows = [[image, *box[:2] * 1000, *(box[2:] - box[:2]) * 1000, score, 1]
                for image, (boxes, scores) in enumerate(detections, 1) for box, score in zip(boxes, scores, strict=True)]
        evaluation = COCOeval(coco, coco.loadRes(np.array(rows)), "bbox")
        evaluation.params.iouThrs, evaluation.params.areaRng, evaluation.params.areaRngLbl = [0.5], [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"].mean()


two = [[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.48], [0.7, 0.7, 0.9, 0.9]]
for name, method in (("linear", 1), ("gaussian", 2)):
    of_package, of_paper = both(two, [0.9, 0.8, 0.7], method)
    print(f"{name}: scores 0.9 0.8 0.7 become", *(f"{score:.3f}" for score in of_package), end=", by the paper ")
    print(*(f"{score:.3f}" for score in of_paper))

rng = np.random.default_rng(0)
truth, raw, hard, of_package, of_paper = [], [], [], [], []
for _ in range(30):
    corners = np.array([[x, y] for x in (0.05, 0.55) for y in (0.05, 0.55)]) + 0.1 * rng.random((4, 2))
    objects = np.concatenate([corners, corners + 0.2 + 0.1 * rng.random((4, 2))], axis=1)
    boxes = (np.repeat(objects, 4, axis=0) + 0.01 * rng.normal(size=(16, 4))).clip(0, 1)
    scores = rng.uniform(0.3, 1, 16)
    truth.append(objects)
    raw.append((boxes, scores))
    hard.append(nms([boxes.tolist()], [scores.tolist()], [[0] * 16], iou_thr=IOU)[:2])
    package, reference = both(boxes.tolist(), scores.tolist(), 2)
    of_package.append((boxes, package))
    of_paper.append((boxes, reference))
for name, detections in (("none", raw), ("nms", hard), ("soft_nms", of_package), ("the paper's", of_paper)):
    count = sum(int((scores > 0.3).sum()) for _, scores in detections)
    print(f"120 objects, each found 4 times, {name}: {count} boxes with scores above 0.3, AP50 {ap(truth, detections):.3f}")

lists = [[[[0.1, 0.1, 0.5, 0.5]], [[0.6, 0.6, 0.9, 0.9]]], [[0.9], [0.9]], [[0], [0]]]
for call in ("first", "second"):
    print(f"weights 2 and 1, the {call} call with the same lists:", *(f"{s:.2f}" for s in nms(*lists, weights=[2, 1])[1]))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" soft.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='linear: scores 0.9 0.8 0.7 become 0.900 0.800 0.700, by the paper 0.900 0.040 0.700
gaussian: scores 0.9 0.8 0.7 become 0.900 0.800 0.700, by the paper 0.900 0.132 0.700
120 objects, each found 4 times, none: 480 boxes with scores above 0.3, AP50 0.721
120 objects, each found 4 times, nms: 120 boxes with scores above 0.3, AP50 1.000
120 objects, each found 4 times, soft_nms: 480 boxes with scores above 0.3, AP50 0.721
120 objects, each found 4 times, the paper'\''s: 122 boxes with scores above 0.3, AP50 1.000
weights 2 and 1, the first call with the same lists: 0.60 0.30
weights 2 and 1, the second call with the same lists: 0.40 0.10'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
