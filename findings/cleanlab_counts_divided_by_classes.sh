#!/usr/bin/env bash
# cleanlab 2.9.0: get_average_per_class_confusion_matrix divides its counts by the number of classes too.
#
# For each class it returns, says its docstring, "the average number of True Positive, False Positive, and False Negative
# detections ... across a range of Intersection over Union thresholds", so that TP + FN should be the number of objects of
# a class. But the sums over 10 thresholds are divided by 10 times the number of classes (`num_thresholds` at the end of
# the function). The more classes a data set has the smaller are the counts: with COCO's 80 classes 100 found people are
# 1.25. They cannot be compared with the objects in the data, nor with those of a model that has another list of classes,
# and many false positives look like few. Precision and recall made of them are right, for the divisor cancels out
# (`calculate_per_class_metrics`). Nothing is said. Multiply the counts by the number of classes.
#
# Below four images with one object each, all of class 0: three are found exactly, in the last one something else is
# found.
#
# Seen on Linux, Python 3.11:
#   classes: 1, objects of class 0: 4, TP 3, FP 1, FN 1, recall 0.75
#   classes: 2, objects of class 0: 4, TP 1.5, FP 0.5, FN 0.5, recall 0.75
#   classes: 10, objects of class 0: 4, TP 0.3, FP 0.1, FN 0.1, recall 0.75
#   classes: 80, objects of class 0: 4, TP 0.0375, FP 0.0125, FN 0.0125, recall 0.75
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check cleanlab==2.9.0 numpy==2.4.6

cat > "$work/counts.py" <<'PYTHON'
import numpy as np
from cleanlab.object_detection.summary import (
    calculate_per_class_metrics,
    get_average_per_class_confusion_matrix,
    object_counts_per_image,
)


def prediction(boxes, classes):
    """One array of boxes with scores for each class."""
    arrays = np.empty(classes, dtype=object)
    for number in range(classes):
        arrays[number] = np.zeros((0, 5))
    arrays[0] = boxes
    return arrays


def main():
    box = np.array([[10.0, 10.0, 50.0, 50.0]])
    found, other = np.array([[10.0, 10.0, 50.0, 50.0, 0.9]]), np.array([[60.0, 60.0, 90.0, 90.0, 0.8]])
    labels = [{"bboxes": box, "labels": np.array([0])} for _ in range(4)]
    for classes in (1, 2, 10, 80):
        predictions = [prediction(boxes, classes) for boxes in (found, found, found, other)]
        counts = get_average_per_class_confusion_matrix(labels, predictions)[0]
        told = ", ".join(f"{key} {value:.4g}" for key, value in counts.items())
        recall = calculate_per_class_metrics(labels, predictions)[0]["average recall"]
        objects = sum(object_counts_per_image(labels, predictions)[0])
        print(f"classes: {classes}, objects of class 0: {objects}, {told}, recall {recall:.2f}")


if __name__ == "__main__":  # cleanlab starts processes
    main()
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" counts.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='classes: 1, objects of class 0: 4, TP 3, FP 1, FN 1, recall 0.75
classes: 2, objects of class 0: 4, TP 1.5, FP 0.5, FN 0.5, recall 0.75
classes: 10, objects of class 0: 4, TP 0.3, FP 0.1, FN 0.1, recall 0.75
classes: 80, objects of class 0: 4, TP 0.0375, FP 0.0125, FN 0.0125, recall 0.75'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
