#!/usr/bin/env bash
# pybboxes 0.2.0 makes bicycles of COCO persons: it takes the number of a class for its place in the list of names.
#
# Its README promises the "conversion of annotation file(s)" between COCO, YOLO and PASCAL VOC. `load_from_coco` keeps
# the names of the classes in a list, which counts from 0, and looks the name of an object up with `category_id` of the
# COCO file. COCO's classes count from 1 (and have gaps: 80 classes up to 90), and so do those of most files made since.
# Each object gets the next class: as the number and list in YOLO, as a name in VOC, as the number in a new COCO file.
# The first class loses all its objects. The last one would show it by an IndexError ("list index out of range"), but
# only if the file has an object of it, which subsets and splits may not. Otherwise nothing is said. Only a file whose
# classes are numbered 0, 1, 2, ... is right.
#
# More in `save_as_coco`: an image is listed once for each of its objects, always with the same id, and images without
# objects are missing in all three formats.
#
# Renumber the classes from 0 without gaps before, or take another converter.
#
# Below three images: one with a person and a person, one with a bicycle, one without objects; the classes are person,
# bicycle and car. Then the bicycle is a car instead.
#
# Seen on Linux, Python 3.11 (about 200 MB are installed for a while):
#   classes 1, 2, 3: YOLO: bicycle bicycle, car; VOC: bicycle bicycle, car; COCO: bicycle bicycle, car; ids 0 0 1
#   classes 0, 1, 2: YOLO: person person, bicycle; VOC: person person, bicycle; COCO: person person, bicycle; ids 0 0 1
#   classes 1, 2, 3, with a car: IndexError
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pybboxes==0.2.0

cat > "$work/classes.py" <<'PYTHON'
import contextlib
import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from pybboxes.annotations import Annotations

NAMES = ["person", "bicycle", "car"]


def convert(folder, first, second_image):
    """Writes a COCO file whose classes are numbered from `first`, and converts it to all formats."""
    Path(folder).mkdir()
    objects = [
        {"id": number, "image_id": image, "category_id": first + NAMES.index(name), "bbox": [10, 10, 20, 20]}
        for number, (image, name) in enumerate(((1, "person"), (1, "person"), (2, second_image)), start=1)
    ]
    with open(f"{folder}/coco.json", "w") as file:
        json.dump(
            {
                "images": [{"id": i, "file_name": f"{i}.jpg", "width": 99, "height": 99} for i in (1, 2, 3)],
                "categories": [{"id": first + place, "name": name} for place, name in enumerate(NAMES)],
                "annotations": [{"area": 400, "iscrowd": 0, **one} for one in objects],
            },
            file,
        )
    annotations = Annotations(annotation_type="coco")
    with contextlib.redirect_stdout(io.StringIO()):
        annotations.load_from_coco(json_path=f"{folder}/coco.json")
    annotations.save_as_yolo(export_dir=f"{folder}/yolo")
    annotations.save_as_voc(export_dir=f"{folder}/voc")
    annotations.save_as_coco(export_file=f"{folder}/again.json")


def read(folder):
    """The classes of the objects of each image in the three formats, and the ids of the images in COCO's."""
    names = Path(folder, "yolo", "classes.txt").read_text().split()
    yolo, voc, coco = [], [], []
    again = json.loads(Path(folder, "again.json").read_text())
    classes = {one["id"]: one["name"] for one in again["categories"]}
    ids = {one["file_name"]: one["id"] for one in again["images"]}
    for image in ("1", "2"):
        lines = Path(folder, "yolo", f"{image}.txt").read_text().splitlines()
        yolo.append(" ".join(names[int(line.split()[0])] for line in lines))
        voc.append(" ".join(one.text for one in ElementTree.parse(Path(folder, "voc", f"{image}.xml")).iter("name")))
        found = [one["category_id"] for one in again["annotations"] if one["image_id"] == ids[f"{image}.jpg"]]
        coco.append(" ".join(classes[number] for number in found))
    images = " ".join(str(one["id"]) for one in again["images"])
    return f"YOLO: {', '.join(yolo)}; VOC: {', '.join(voc)}; COCO: {', '.join(coco)}; ids {images}"


for words, first in (("classes 1, 2, 3", 1), ("classes 0, 1, 2", 0)):
    convert(str(first), first, "bicycle")
    print(f"{words}: {read(str(first))}")
try:
    convert("car", 1, "car")
    print("classes 1, 2, 3, with a car: loaded")
except IndexError:
    print("classes 1, 2, 3, with a car: IndexError")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" classes.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='classes 1, 2, 3: YOLO: bicycle bicycle, car; VOC: bicycle bicycle, car; COCO: bicycle bicycle, car; ids 0 0 1
classes 0, 1, 2: YOLO: person person, bicycle; VOC: person person, bicycle; COCO: person person, bicycle; ids 0 0 1
classes 1, 2, 3, with a car: IndexError'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
