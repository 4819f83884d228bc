#!/usr/bin/env bash
# torchmetrics 1.9.0: MeanAveragePrecision(average="micro") does not look at classes.
#
# `average` is "Method for averaging scores over labels. Choose between "macro" and "micro"" (its docstring). In the same
# library, as everywhere, the micro average of precision pools the decisions of all classes, and a wrong class is a
# wrong decision. Here it replaces the label of every object and every detection by 0 before it matches them. So a
# detector that finds all objects and names each of them wrong has a "micro" AP of 1, and one that is chosen, or stopped,
# by this number is chosen for its boxes alone. It is a useful number (AP without regard to classes) under another
# name's name. "map_per_class" of the same call does look at classes.
#
# Below a cat and a dog are found exactly, and each is called the other.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   precision of these classes, average=macro: 0.0
#   precision of these classes, average=micro: 0.0
#   mean average precision, average=macro: 0.0, per class [0.0, 0.0]
#   mean average precision, average=micro: 1.0, per class [0.0, 0.0]
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 torchmetrics==1.9.0 \
  pycocotools==2.0.11 numpy==2.4.6

cat > "$work/micro.py" <<'PYTHON'
import torch
from torchmetrics.classification import MulticlassPrecision
from torchmetrics.detection import MeanAveragePrecision

boxes = torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40]])
truth, named = torch.tensor([0, 1]), torch.tensor([1, 0])
for average in ("macro", "micro"):
    precision = MulticlassPrecision(num_classes=2, average=average)(named, truth)
    print(f"precision of these classes, average={average}: {precision:.1f}")
for average in ("macro", "micro"):
    metric = MeanAveragePrecision(average=average, class_metrics=True)
    metric.update([{"boxes": boxes, "scores": torch.tensor([0.9, 0.8]), "labels": named}], [{"boxes": boxes, "labels": truth}])
    found = metric.compute()
    print(f"mean average precision, average={average}: {found['map']:.1f}, per class {found['map_per_class'].tolist()}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" micro.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='precision of these classes, average=macro: 0.0
precision of these classes, average=micro: 0.0
mean average precision, average=macro: 0.0, per class [0.0, 0.0]
mean average precision, average=micro: 1.0, per class [0.0, 0.0]'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
