#!/usr/bin/env bash
# Six libraries read a COCO file and write it as COCO again: in one of them all ids are as before.
#
# Detections in COCO's format name their image and class by ids alone, so that they fit the file that they were made for
# and no other. A file of which nothing but the ids has changed (COCO's own class ids have gaps: 90 for 80 classes) gives
# them an AP near zero, or, where ids exist in both, the AP of another class.
#
#   datumaro 1.13.12    numbers the classes from 1
#   supervision 0.31.2  numbers classes and images from 1
#   sahi 0.12.8         numbers the images from 1
#   globox 2.9.0        numbers the objects from 0, of which pycocotools 2.0.11 never finds the first
#   pylabel 0.1.55      likewise (its `cat_id_index=None` keeps the classes' ids)
#   hotcoco 1.3.0       keeps them all
#
# Seen on Linux, Python 3.11 (classes, image, objects; before it 1 13 90, 139, 1 2 3):
#   datumaro: 1 2 3, 139, 1 2 3
#   supervision: 1 2 3, 1, 1 2 3
#   sahi: 1 13 90, 1, 1 2 3
#   globox: 1 13 90, 139, 0 1 2
#   pylabel: 1 13 90, 139, 0 1 2
#   hotcoco: 1 13 90, 139, 1 2 3
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datumaro==1.13.12 supervision==0.31.2 sahi==0.12.8 \
  globox==2.9.0 pylabel==0.1.55 hotcoco==1.3.0

cat > "$work/convert.py" <<'PYTHON'
import contextlib
import io
import json
import sys
from pathlib import Path

import hotcoco
from datumaro import Dataset
from globox import AnnotationSet
from PIL import Image
from pylabel import importer
from sahi.utils.coco import Coco
from supervision import DetectionDataset

work = Path(sys.argv[1])
images, file = work / "coco/images/train", work / "coco/annotations/instances_train.json"
images.mkdir(parents=True)
file.parent.mkdir()
Image.new("RGB", (200, 100)).save(images / "a.jpg")
names = {1: "person", 13: "stop sign", 90: "toothbrush"}  # as in COCO
categories = [{"id": id_, "name": name, "supercategory": "all"} for id_, name in names.items()]
rest = {"image_id": 139, "area": 900, "iscrowd": 0, "segmentation": []}
objects = [
    {"id": number, "category_id": id_, "bbox": [50 * number, 10, 30, 30], **rest} for number, id_ in enumerate(names, 1)
]
image = {"id": 139, "file_name": "a.jpg", "width": 200, "height": 100}
file.write_text(json.dumps({"images": [image], "categories": categories, "annotations": objects}))


def show(name, written):
    data = json.loads(written) if isinstance(written, str) else written
    of = {key: " ".join(str(one["id"]) for one in data[key]) for key in ("categories", "images", "annotations")}
    used = " ".join(str(one["category_id"]) for one in data["annotations"])
    assert used == of["categories"]
    print(f"{name}: {of['categories']}, {of['images']}, {of['annotations']}")


Dataset.import_from(str(work / "coco"), "coco").export(str(work / "datumaro"), "coco_instances", save_media=True)
show("datumaro", (work / "datumaro/annotations/instances_train.json").read_text())
out = work / "out.json"
DetectionDataset.from_coco(str(images), str(file)).as_coco(annotations_path=str(out))
show("supervision", out.read_text())
show("sahi", Coco.from_coco_dict_or_path(str(file), image_dir=str(images)).json)
AnnotationSet.from_coco(file).save_coco(out)
show("globox", out.read_text())
with contextlib.redirect_stdout(io.StringIO()):
    data = importer.ImportCoco(str(file), path_to_images="../images/train")
    data.export.ExportToCoco(output_path=str(out), cat_id_index=None)
show("pylabel", out.read_text())
hotcoco.COCO(str(file)).save(str(out))
show("hotcoco", out.read_text())
PYTHON

seen="$(cd "$work" && venv/bin/python -W ignore convert.py "$work" 2>/dev/null)"
echo "$seen"
expected="datumaro: 1 2 3, 139, 1 2 3
supervision: 1 2 3, 1, 1 2 3
sahi: 1 13 90, 1, 1 2 3
globox: 1 13 90, 139, 0 1 2
pylabel: 1 13 90, 139, 0 1 2
hotcoco: 1 13 90, 139, 1 2 3"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
