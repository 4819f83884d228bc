#!/usr/bin/env bash
# datumaro 1.13.12: in KITTI's format objects whose ids are 256 or more become objects of other classes.
#
# A pixel of KITTI's instance/*.png is 256 times the class plus the number of the object, which is below 256. The exporter
# (`plugins/data_formats/kitti/exporter.py`) adds the ids of the masks as they are. In a COCO file an id is unique in all of the
# file, so that most are above 255: each 256 count as one class more. Whoever reads the file, datumaro as well, finds a tree for
# the car with the id 600, a crowd where the rest is 0, or a class that does not exist. In semantic/*.png of the same export the
# classes are right. Nothing is said.
#
# Number the masks of each image from 1 before the export, as in the last three lines.
#
# Below a COCO file with three images of two cars each, and the same cars after the export; classes are counted from 0.
#
# Seen on Linux, Python 3.11 (about 800 MB are installed for a while):
#   ids as in COCO: car 1, car 2: pixels 257 258, read again: car 1, car 2
#   ids as in COCO: car 255, car 256: pixels 511 512, read again: car 255, person 0 (crowd)
#   ids as in COCO: car 600, car 1025: pixels 856 1281, read again: tree 88, class 5 of 4 1
#   ids of each image from 1: car 1, car 2: pixels 257 258, read again: car 1, car 2
#   ids of each image from 1: car 1, car 2: pixels 257 258, read again: car 1, car 2
#   ids of each image from 1: car 1, car 2: pixels 257 258, read again: car 1, car 2
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datumaro==1.13.12 pycocotools==2.0.11 numpy==2.4.6

cat > "$work/kitti.py" <<'PYTHON'
import json
from pathlib import Path

import numpy as np
from datumaro import AnnotationType, Dataset
from PIL import Image

NAMES = ["background", "car", "person", "tree"]
for folder in ("coco/images/train", "coco/annotations"):
    Path(folder).mkdir(parents=True)
images, objects = [], []
for number, ids in enumerate(([1, 2], [255, 256], [600, 1025]), start=1):
    images.append({"id": number, "file_name": f"{number}.png", "width": 40, "height": 20})
    Image.new("RGB", (40, 20)).save(f"coco/images/train/{number}.png")
    for x, id_ in zip((5, 25), ids):
        shape = {"bbox": [x, 5, 10, 10], "area": 100, "segmentation": [[x, 5, x + 10, 5, x + 10, 15, x, 15]]}
        objects.append({"id": id_, "image_id": number, "category_id": 2, "iscrowd": 0, **shape})
categories = [{"id": number, "name": name} for number, name in enumerate(NAMES, start=1)]
with open("coco/annotations/instances_train.json", "w") as file:
    json.dump({"images": images, "annotations": objects, "categories": categories}, file)


def masks(item):
    """The masks of an image from left to right."""
    found = [one for one in item.annotations if one.type == AnnotationType.mask]
    return sorted(found, key=lambda one: one.get_bbox()[0])


def words(item):
    """Their classes and ids."""
    found = []
    for mask in masks(item):
        name = NAMES[mask.label] if mask.label < len(NAMES) else f"class {mask.label} of {len(NAMES)}"
        if name != "background":
            found.append(f"{name} {mask.id}" + (" (crowd)" if mask.attributes.get("is_crowd") else ""))
    return ", ".join(found)


for ids in ("as in COCO", "of each image from 1"):
    data = Dataset.import_from("coco", "coco_instances")
    data.transform("polygons_to_masks")
    if ids != "as in COCO":
        for item in list(data):
            numbered = [mask.wrap(id=number) for number, mask in enumerate(masks(item), start=1)]
            data.put(item.wrap(annotations=numbered))
    data.export(ids, "kitti_segmentation")
    again = Dataset.import_from(ids, "kitti_segmentation")
    assert [label.name for label in again.categories()[AnnotationType.label]] == NAMES
    for item in sorted(data, key=lambda one: one.id):
        pixels = np.unique(np.array(Image.open(f"{ids}/train/instance/{item.id}.png")))[1:]
        read = words(again.get(item.id, "train"))
        print(f"ids {ids}: {words(item)}: pixels {' '.join(map(str, pixels))}, read again: {read}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" kitti.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='ids as in COCO: car 1, car 2: pixels 257 258, read again: car 1, car 2
ids as in COCO: car 255, car 256: pixels 511 512, read again: car 255, person 0 (crowd)
ids as in COCO: car 600, car 1025: pixels 856 1281, read again: tree 88, class 5 of 4 1
ids of each image from 1: car 1, car 2: pixels 257 258, read again: car 1, car 2
ids of each image from 1: car 1, car 2: pixels 257 258, read again: car 1, car 2
ids of each image from 1: car 1, car 2: pixels 257 258, read again: car 1, car 2'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
