#!/usr/bin/env bash
# baal 2.1.0: its Precision is the recall: a model that calls all images by the name of one class has 1.0 in that class.
#
# `baal.utils.metrics.Precision` "computes the precision for each class over epochs": of the images that the model has
# put into a class, the part that belongs there. It counts the images that belong to the class instead (`update` goes
# through the targets), and divides by these, which is the recall. Classes that the model takes too often, or always,
# look perfect, and those of which it is careful look bad; whoever weighs precision against recall has the same number
# twice. Nothing is said. Of the other metrics of that file `ClassificationReport` has both, and right.
#
# Below 100 images, 20 of cats and then 80 of dogs, and what three models take for cats: the first number is that of
# cats, the second that of dogs. "right" is the precision by scikit-learn, and so is the recall.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   all are cats: Precision 1.00 0.00, ClassificationReport 0.20 0.00, right 0.20 0.00, recall 1.00 0.00
#   half of the cats are: Precision 0.50 1.00, ClassificationReport 1.00 0.89, right 1.00 0.89, recall 0.50 1.00
#   the cats and 20 dogs are: Precision 1.00 0.75, ClassificationReport 0.50 1.00, right 0.50 1.00, recall 1.00 0.75
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchmetrics==1.9.0 numpy==2.4.6 \
  scipy==1.17.1 scikit-learn==1.9.1 matplotlib==3.11.2 structlog==22.3.0 tqdm==4.70.1
# without Jupyter, which it names among its requirements and does not need here
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps baal==2.1.0

cat > "$work/precision.py" <<'PYTHON'
import contextlib
import io

import torch
from baal.utils.metrics import ClassificationReport, Precision
from sklearn.metrics import precision_score, recall_score

truth = torch.tensor([0] * 20 + [1] * 80)
for words, cats in {
    "all are cats": 100,
    "half of the cats are": 10,
    "the cats and 20 dogs are": 40,
}.items():
    found = torch.tensor([0] * cats + [1] * (100 - cats))
    metric, report = Precision(num_classes=2, average=False), ClassificationReport(num_classes=2)
    for one in (metric, report):
        one.update(torch.nn.functional.one_hot(found, 2).float(), truth)
    with contextlib.redirect_stdout(io.StringIO()):
        by_report = report.value["precision"]
    numbers = {
        "Precision": metric.value,
        "ClassificationReport": by_report,
        "right": precision_score(truth, found, average=None, zero_division=0),
        "recall": recall_score(truth, found, average=None),
    }
    print(f"{words}: " + ", ".join(f"{name} {cat:.2f} {dog:.2f}" for name, (cat, dog) in numbers.items()))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" precision.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='all are cats: Precision 1.00 0.00, ClassificationReport 0.20 0.00, right 0.20 0.00, recall 1.00 0.00
half of the cats are: Precision 0.50 1.00, ClassificationReport 1.00 0.89, right 1.00 0.89, recall 0.50 1.00
the cats and 20 dogs are: Precision 1.00 0.75, ClassificationReport 0.50 1.00, right 0.50 1.00, recall 1.00 0.75'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
