#!/usr/bin/env bash
# supervision 0.31.2 makes two objects of one that has two parts when it writes YOLO or PASCAL VOC, and boxes move by a pixel.
#
# An object that something hides in the middle has two polygons in COCO, one annotation and one box around both. supervision
# reads it as one object, and writes it to COCO as one; `as_yolo` and `as_pascal_voc` write a line or an <object> for each
# polygon, so that a data set has more objects than before and a detector learns each half of a dog as a dog. Their boxes
# are computed from the outlines of masks, not taken from the file: a box of the whole image of 200 x 100 comes back from
# YOLO as 199 x 99, and one that ends at 80 comes back from VOC ending at 81. Without outlines in the file, boxes and
# objects come back from YOLO as they were.
#
# Seen on Linux, Python 3.11:
#   coco: 2 objects, 50 10 150 70 and 0 0 200 100
#   yolo: 3 objects, 50 10 80 40 and 120 40 150 70 and 0 0 199 99
#   voc: 3 objects, 50 10 81 41 and 120 40 151 71 and 0 0 200 100
#   yolo without outlines: 2 objects, 50 10 150 70 and 0 0 200 100
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check supervision==0.31.2 numpy==2.4.6

cat > "$work/convert.py" <<'PYTHON'
import json
import sys
from pathlib import Path

from PIL import Image
from supervision import DetectionDataset

work = Path(sys.argv[1])
(work / "images").mkdir()
Image.new("RGB", (200, 100)).save(work / "images/a.jpg")
parts = [[50, 10, 80, 10, 80, 40, 50, 40], [120, 40, 150, 40, 150, 70, 120, 70]]
whole = [[0, 0, 200, 0, 200, 100, 0, 100]]
dog = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 1800, "bbox": [50, 10, 100, 60]}
scene = {"id": 2, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 20000, "bbox": [0, 0, 200, 100]}


def read(name, outlines):
    objects = [dog | {"segmentation": parts}, scene | {"segmentation": whole}] if outlines else [dog, scene]
    images = [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}]
    file = work / f"{name}.json"
    file.write_text(json.dumps({"images": images, "categories": [{"id": 1, "name": "dog"}], "annotations": objects}))
    return DetectionDataset.from_coco(str(work / "images"), str(file))


def show(name, data):
    ((_, _, found),) = list(data)
    boxes = " and ".join(" ".join(f"{value:.0f}" for value in box) for box in found.xyxy)
    print(f"{name}: {len(found)} objects, {boxes}")


def through_yolo(name, data):
    images, labels, file = (str(work / name / part) for part in ("images", "labels", "data.yaml"))
    data.as_yolo(images, labels, file)
    show(name, DetectionDataset.from_yolo(images, labels, file))


data = read("with", outlines=True)
show("coco", data)
through_yolo("yolo", data)
data.as_pascal_voc(str(work / "voc/images"), str(work / "voc/annotations"))
show("voc", DetectionDataset.from_pascal_voc(str(work / "voc/images"), str(work / "voc/annotations")))
through_yolo("yolo without outlines", read("without", outlines=False))
PYTHON

seen="$("$work/venv/bin/python" -W ignore "$work/convert.py" "$work" 2>/dev/null)"
echo "$seen"
expected="coco: 2 objects, 50 10 150 70 and 0 0 200 100
yolo: 3 objects, 50 10 80 40 and 120 40 150 70 and 0 0 199 99
voc: 3 objects, 50 10 81 41 and 120 40 151 71 and 0 0 200 100
yolo without outlines: 2 objects, 50 10 150 70 and 0 0 200 100"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
