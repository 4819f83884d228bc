#!/usr/bin/env bash
# datumaro 1.13.12: YOLO or PASCAL VOC data become COCO files in which objects of several images have the same id.
#
# In a COCO file the id of an object is its own in all of the file; COCO's API puts the objects into a dictionary by their ids,
# and its metric matches by them. datumaro's readers of YOLO and VOC number the objects of each image from 0. The COCO exporter
# keeps these numbers, but for the zeros, which it replaces by numbers from the largest one on, so that these meet others too.
# The command line sets `reindex`, which numbers all anew; from Python its default is False. So an object of a later image takes
# the place of an earlier one: most of them are lost for whoever asks for objects by id, and perfect detections have a low AP.
# The file is valid JSON with all objects in its list, and nothing is said. Export with reindex=True.
#
# Below three images with three objects each.
#
# Seen on Linux, Python 3.11 (about 800 MB are installed for a while):
#   YOLO to COCO: ids 2 1 2 3 1 2 4 1 2, 4 of 9 objects in COCO.anns, AP of the truth 0.20
#   VOC to COCO: ids 2 1 2 3 1 2 4 1 2, 4 of 9 objects in COCO.anns, AP of the truth 0.20
#   YOLO to COCO, reindex=True: ids 1 2 3 4 5 6 7 8 9, 9 of 9 objects in COCO.anns, AP of the truth 1.00
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datumaro==1.13.12 pycocotools==2.0.11 numpy==2.4.6

cat > "$work/ids.py" <<'PYTHON'
import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
from datumaro import Bbox, Dataset, DatasetItem, Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

work = Path(sys.argv[1])
items = []
for i in range(3):
    boxes = [Bbox(30 * j, 10 * i, 20, 20, label=0) for j in range(3)]
    pixels = Image.from_numpy(np.zeros((100, 100, 3), np.uint8))
    items.append(DatasetItem(id=str(i), subset="train", media=pixels, annotations=boxes))
Dataset.from_iterable(items, categories=["car"]).export(str(work / "yolo"), "yolo", save_media=True)
Dataset.from_iterable(items, categories=["car"]).export(str(work / "voc"), "voc_detection", save_media=True)


def show(words, form, **options):
    """The ids of the objects in COCO's format, and what COCO's tools make of them."""
    file = work / words.replace(" ", "_") / "annotations/instances_train.json"
    Dataset.import_from(str(work / form), form).export(str(file.parents[1]), "coco_instances", **options)
    objects = json.loads(file.read_text())["annotations"]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(file))
        keys = ("image_id", "category_id", "bbox")
        found = truth.loadRes([{**{key: one[key] for key in keys}, "score": 1.0} for one in objects])
        metric = COCOeval(truth, found, "bbox")
        metric.evaluate()
        metric.accumulate()
        metric.summarize()
    ids = " ".join(str(one["id"]) for one in objects)
    kept = f"{len(truth.anns)} of {len(objects)} objects in COCO.anns"
    print(f"{words}: ids {ids}, {kept}, AP of the truth {metric.stats[0]:.2f}")


show("YOLO to COCO", "yolo")
show("VOC to COCO", "voc")
show("YOLO to COCO, reindex=True", "yolo", reindex=True)
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" ids.py "$work" 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='YOLO to COCO: ids 2 1 2 3 1 2 4 1 2, 4 of 9 objects in COCO.anns, AP of the truth 0.20
VOC to COCO: ids 2 1 2 3 1 2 4 1 2, 4 of 9 objects in COCO.anns, AP of the truth 0.20
YOLO to COCO, reindex=True: ids 1 2 3 4 5 6 7 8 9, 9 of 9 objects in COCO.anns, AP of the truth 1.00'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
