#!/usr/bin/env bash
# pylabel 0.1.55 repeats an object in COCO files for every image without objects.
#
# `dataset.export.ExportToCoco()` goes over a table with a row for every object, and a row without a class for an image
# without objects. At such a row it appends what it made of the row before once more: the last object before the image, with
# the same id. So every image that was kept as a negative example adds a copy, and nothing is said. pycocotools reads the
# file without a word and counts the copies as objects: they are trained on twice, and perfect detections miss some.
# (If the first image has no objects, the export ends with an error instead.) The documentation of the method says nothing
# about such images, and the package reads and keeps them on purpose. Write YOLO or VOC files with it, or drop objects
# whose id is there already.
#
# Seen on Linux, Python 3.11, two objects in a.png, none in b.png and c.png:
#   objects of a.png: before 2, after 4
#   ids: before 1 2, after 0 1 1 1
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pylabel==0.1.55 pandas==2.3.3 pycocotools==2.0.11

cat > "$work/export.py" <<'PYTHON'
import contextlib
import io
import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
from PIL import Image  # noqa: E402
from pycocotools.coco import COCO  # noqa: E402
from pylabel import importer  # noqa: E402

SIDE = 100
work = Path(sys.argv[1])
images = []
for number, name in enumerate(("a.png", "b.png", "c.png"), start=1):
    Image.new("RGB", (SIDE, SIDE)).save(work / name)
    images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
common = {"image_id": 1, "category_id": 1, "iscrowd": 0, "segmentation": []}
rows = [
    {"id": 1, "bbox": [10, 10, 20, 20], "area": 400, **common},
    {"id": 2, "bbox": [50, 50, 40, 30], "area": 1200, **common},
]
truth = {"images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": rows}
before, after = work / "before.json", work / "after.json"
before.write_text(json.dumps(truth))
importer.ImportCoco(str(before), path_to_images=str(work)).export.ExportToCoco(str(after))


def objects(path):
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO(str(path))
    return data.getAnnIds(imgIds=1)


print(f"objects of a.png: before {len(objects(before))}, after {len(objects(after))}")
print("ids: before", *objects(before), end=", ")
print("after", *objects(after))
PYTHON

seen="$("$work/venv/bin/python" "$work/export.py" "$work" 2>/dev/null)"
echo "$seen"
expected="objects of a.png: before 2, after 4
ids: before 1 2, after 0 1 1 1"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
