#!/usr/bin/env bash
# datumaro 1.13.12: of PASCAL VOC's objects with masks it makes COCO objects that have the mask of one and the box of another.
#
# In PASCAL VOC the number of an object in SegmentationObject/*.png is its place in the XML file, from 1. The reader gives these
# numbers to the masks as their groups (`_parse_masks`), and to the boxes groups from 0 (`_parse_annotations`); its COCO
# exporter makes one object of each group. So the first mask meets the second box, the largest member gives the class, the first
# box has no mask and the last mask no box, and n objects become n + 1. Moreover the default segmentation_mode, "guess", writes
# masks as crowds, detections of which COCO's metric takes neither for right nor for wrong. Nothing is said. Add 1 to the groups
# of the boxes, and export with segmentation_mode="polygons", as below.
#
# Below a cat with the corners (5, 5) and (25, 15) and a dog with (60, 20) and (90, 35) in VOC's own files, read in three ways.
#
# Seen on Linux, Python 3.11 (about 800 MB are installed for a while):
#   boxes:
#     cat, box [6, 6, 25, 15], mask None, iscrowd 0
#     dog, box [61, 21, 90, 35], mask None, iscrowd 0
#   boxes and masks:
#     cat, box [6, 6, 25, 15], mask None, iscrowd 0
#     dog, box [61, 21, 90, 35], mask [5, 5, 24, 14], iscrowd 0
#     dog, box [60, 20, 90, 35], mask [60, 20, 89, 34], iscrowd 1
#   boxes and masks, groups from 1:
#     cat, box [6, 6, 25, 15], mask [5, 5, 24, 14], iscrowd 1
#     dog, box [61, 21, 90, 35], mask [60, 20, 89, 34], iscrowd 1
#   boxes and masks, groups from 1, polygons:
#     cat, box [6, 6, 25, 15], mask [5, 5, 24, 14], iscrowd 0
#     dog, box [61, 21, 90, 35], mask [60, 20, 89, 34], iscrowd 0
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datumaro==1.13.12 numpy==2.4.6

cat > "$work/masks.py" <<'PYTHON'
import json
import sys
from pathlib import Path

import numpy as np
from datumaro import AnnotationType, Dataset
from PIL import Image

work = Path(sys.argv[1])
folders = ("JPEGImages", "Annotations", "SegmentationObject", "SegmentationClass")
for name in (*folders, "ImageSets/Segmentation", "ImageSets/Main"):
    (work / "voc" / name).mkdir(parents=True)
objects = {"cat": (8, [5, 5, 25, 15]), "dog": (12, [60, 20, 90, 35])}  # VOC's number of the class, and a rectangle
Image.new("RGB", (100, 40)).save(work / "voc/JPEGImages/1.jpg")
numbers, classes = np.zeros((40, 100), np.uint8), np.zeros((40, 100), np.uint8)
xml = ""
for number, (name, (class_, (left, top, right, bottom))) in enumerate(objects.items(), 1):
    numbers[top:bottom, left:right], classes[top:bottom, left:right] = number, class_
    corners = f"<xmin>{left + 1}</xmin><ymin>{top + 1}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax>"
    xml += f"<object><name>{name}</name><bndbox>{corners}</bndbox></object>"
size = "<size><width>100</width><height>40</height><depth>3</depth></size>"
file = f"<annotation><filename>1.jpg</filename>{size}<segmented>1</segmented>{xml}</annotation>"
(work / "voc/Annotations/1.xml").write_text(file)
palette = np.zeros((256, 3), np.uint8)  # VOC's: bit 0, 1, 2 of the number to red, green, blue, from the highest bit on
for number in range(256):
    for bit in range(8):
        palette[number, bit % 3] |= (number >> bit & 1) << (7 - bit // 3)
for name, values in (("SegmentationObject", numbers), ("SegmentationClass", classes)):
    image = Image.fromarray(values, mode="P")
    image.putpalette(palette.tobytes())
    image.save(work / "voc" / name / "1.png")
for name in ("Segmentation", "Main"):
    (work / "voc/ImageSets" / name / "train.txt").write_text("1\n")


def extent(one):
    """The corners of the mask of an object, None if it has none."""
    form = one["segmentation"]
    if isinstance(form, list):  # polygons
        points = np.array([point for polygon in form for point in polygon]).reshape(-1, 2)
    else:  # lengths of runs of 0 and 1, down the columns
        runs = np.repeat(np.arange(len(form["counts"])) % 2, form["counts"])
        points = np.argwhere(runs.reshape(form["size"][::-1]))
    return None if not len(points) else [int(v) for v in (*points.min(0), *points.max(0))]


def show(words, data, **options):
    """What is written as COCO."""
    out = work / "coco" / words.replace(" ", "_")
    data.export(str(out), "coco_instances", **options)
    data = json.loads((out / "annotations/instances_train.json").read_text())
    names = {category["id"]: category["name"] for category in data["categories"]}
    print(f"{words}:")
    for one in data["annotations"]:
        left, top, width, height = (round(v) for v in one["bbox"])
        box = [left, top, left + width, top + height]
        print(f"  {names[one['category_id']]}, box {box}, mask {extent(one)}, iscrowd {one['iscrowd']}")


show("boxes", Dataset.import_from(str(work / "voc"), "voc_detection"))
show("boxes and masks", Dataset.import_from(str(work / "voc"), "voc"))
repaired = Dataset.import_from(str(work / "voc"), "voc")
for item in repaired:
    item.annotations = [one.wrap(group=one.group + 1) if one.type == AnnotationType.bbox else one for one in item.annotations]
show("boxes and masks, groups from 1", repaired)
show("boxes and masks, groups from 1, polygons", repaired, segmentation_mode="polygons")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" masks.py "$work" 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='boxes:
  cat, box [6, 6, 25, 15], mask None, iscrowd 0
  dog, box [61, 21, 90, 35], mask None, iscrowd 0
boxes and masks:
  cat, box [6, 6, 25, 15], mask None, iscrowd 0
  dog, box [61, 21, 90, 35], mask [5, 5, 24, 14], iscrowd 0
  dog, box [60, 20, 90, 35], mask [60, 20, 89, 34], iscrowd 1
boxes and masks, groups from 1:
  cat, box [6, 6, 25, 15], mask [5, 5, 24, 14], iscrowd 1
  dog, box [61, 21, 90, 35], mask [60, 20, 89, 34], iscrowd 1
boxes and masks, groups from 1, polygons:
  cat, box [6, 6, 25, 15], mask [5, 5, 24, 14], iscrowd 0
  dog, box [61, 21, 90, 35], mask [60, 20, 89, 34], iscrowd 0'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
