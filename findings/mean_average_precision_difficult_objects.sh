#!/usr/bin/env bash
# mean-average-precision 2024.1.5.0 takes difficult objects for misses, and gives the flags of some objects to others.
#
# The rows of its ground truth end with "difficult" and "crowd", and its README calls a result "VOC PASCAL mAP". In
# VOC's evaluation difficult objects need not be found: they are not among the positives, and a detection of one is
# neither right nor wrong. Here such a detection is ignored, but the object stays among the positives
# (`MeanAveragePrecision2d.add` counts all rows): found or not, it is a miss, and each of them lowers AP. By that
# function crowds are among the positives, too. Further `_tile` in `compute_match_table` repeats each flag where it
# should repeat the list of flags: with two objects and two detections the first detection sees the first object's flag
# at both objects, the second the second one's. So as soon as an image has objects of a class with and without the flag,
# AP depends on the order of the rows. Nothing is said. Leaving difficult objects out of the ground truth makes
# detections of them false positives, but the order does not matter then.
#
# Below an image with a usual object and a difficult one, AP at an IoU of 0.5, and VOC's rules in a few lines beside it.
#
# Seen on Linux, Python 3.11:
#   both are found, as they come: VOC 1.00, mean-average-precision 0.50
#   both are found, detections reversed: VOC 1.00, mean-average-precision 0.50
#   only the usual one is found: VOC 1.00, mean-average-precision 0.50
#   only the usual one is found, objects reversed: VOC 1.00, mean-average-precision 0.50
#   only the difficult one is found, and something false: VOC 0.00, mean-average-precision 0.50
#   only the difficult one is found, and something false, reversed: VOC 0.00, mean-average-precision 0.00
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mean-average-precision==2024.1.5.0 numpy==2.4.6

cat > "$work/difficult.py" <<'PYTHON'
import numpy as np
from mean_average_precision import MetricBuilder


def package(objects, found):
    """AP of rows (x1, y1, x2, y2, difficult) and (x1, y1, x2, y2, score)."""
    metric = MetricBuilder.build_evaluation_metric("map_2d", async_mode=False, num_classes=1)
    predictions = [[*box, 0, score] for *box, score in found]
    metric.add(np.array(predictions, dtype=float), np.array([[*box, 0, flag, 0] for *box, flag in objects], dtype=float))
    return metric.value(iou_thresholds=0.5)["mAP"]


def voc(objects, found):
    """The same by VOC's rules; boxes here are the same or do not touch."""
    positives, right, wrong, points = sum(not flag for *_, flag in objects), 0, 0, [(0.0, 0.0)]
    flags = {tuple(box): flag for *box, flag in objects}
    for *box, _ in sorted(found, key=lambda row: -row[-1]):
        flag = flags.get(tuple(box))
        right, wrong = right + (flag == 0), wrong + (flag is None)
        if flag != 1:
            points.append((right / positives, right / (right + wrong)))
    steps = zip(points, points[1:], strict=False)
    return sum((b[0] - a[0]) * max(p for r, p in points if r >= b[0]) for a, b in steps)


easy, hard, nothing = [0, 0, 50, 50], [100, 100, 150, 150], [300, 300, 350, 350]
objects = [[*easy, 0], [*hard, 1]]
cases = {
    "both are found, as they come": (objects, [[*easy, 0.9], [*hard, 0.8]]),
    "both are found, detections reversed": (objects, [[*hard, 0.8], [*easy, 0.9]]),
    "only the usual one is found": (objects, [[*easy, 0.9]]),
    "only the usual one is found, objects reversed": (objects[::-1], [[*easy, 0.9]]),
    "only the difficult one is found, and something false": (objects, [[*hard, 0.9], [*nothing, 0.8]]),
    "only the difficult one is found, and something false, reversed": (objects, [[*nothing, 0.8], [*hard, 0.9]]),
}
for words, case in cases.items():
    print(f"{words}: VOC {voc(*case):.2f}, mean-average-precision {package(*case):.2f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" difficult.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='both are found, as they come: VOC 1.00, mean-average-precision 0.50
both are found, detections reversed: VOC 1.00, mean-average-precision 0.50
only the usual one is found: VOC 1.00, mean-average-precision 0.50
only the usual one is found, objects reversed: VOC 1.00, mean-average-precision 0.50
only the difficult one is found, and something false: VOC 0.00, mean-average-precision 0.50
only the difficult one is found, and something false, reversed: VOC 0.00, mean-average-precision 0.00'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
