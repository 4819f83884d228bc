#!/usr/bin/env bash
# Two exporters of PASCAL VOC write no XML file for images without objects: datumaro 1.13.12 (with which CVAT exports)
# and label-studio-sdk 2.1.2 (the converter of Label Studio).
#
# Each name of VOC's image sets for detection has an XML file. datumaro writes the names of all images to
# ImageSets/Main, but XML files only for those with objects: its own importer reads the set as it was, while readers
# that open the XML file of each name, as torchvision's VOCDetection does, end with FileNotFoundError. It is on purpose
# (datumaro's pull request 663), but neither the documentation of the format nor a message tells it, and no option
# changes it. Label Studio writes no image sets, so that images that were looked at and have no objects are the same as
# images nobody looked at: who takes those with an XML file trains without negatives. The log says "No annotations
# found" of such tasks, though they have an annotation that was submitted empty, and the converter's COCO and YOLO have
# these images. So export COCO from both.
#
# Seen on Linux, Python 3.11, an object in a.png, none in b.png and c.png:
#   datumaro: ImageSets a b c, XML a
#   datumaro, warnings: 0
#   label-studio-sdk: ImageSets none, XML a
#   label-studio-sdk, COCO: a b c
#   label-studio-sdk, YOLO: a b c
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datumaro==1.13.12 label-studio-sdk==2.1.2

cat > "$work/export.py" <<'PYTHON'
import json
import logging
import sys
import warnings
from pathlib import Path

import datumaro
from label_studio_sdk.converter import Converter
from PIL import Image

SIDE, NAMES = 100, "abc"
work = Path(sys.argv[1])
images = work / "source/images/train"
images.mkdir(parents=True)
for name in NAMES:
    Image.new("RGB", (SIDE, SIDE)).save(images / f"{name}.png")


class Count(logging.Handler):
    seen = 0

    def emit(self, record):
        self.seen += record.levelno >= logging.WARNING


def stems(names):
    return " ".join(sorted(Path(name).stem for name in names)) or "none"


def show_voc(name, folder):
    listed = [line for path in folder.rglob("ImageSets/Main/*.txt") for line in path.read_text().split()]
    print(f"{name}: ImageSets {stems(listed)}, XML {stems(folder.rglob('*.xml'))}")


# COCO with one object in the first image, read and exported by datumaro.
coco = {
    "images": [
        {"id": number, "file_name": f"{name}.png", "width": SIDE, "height": SIDE}
        for number, name in enumerate(NAMES, start=1)
    ],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}],
}
(work / "source/annotations").mkdir()
(work / "source/annotations/instances_train.json").write_text(json.dumps(coco))
data = datumaro.Dataset.import_from(str(work / "source"), "coco_instances")
count = Count()
logging.getLogger().addHandler(count)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    data.export(str(work / "datumaro"), "voc_detection", save_media=True)
show_voc("datumaro", work / "datumaro")
print("datumaro, warnings:", count.seen + len(caught))

# The same as tasks of Label Studio, all annotated: the second and the third with an empty result.
value = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["cat"]}
sizes = {"original_width": SIDE, "original_height": SIDE}
found = {"id": "r", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "value": value, **sizes}
tasks = []
for number, name in enumerate(NAMES, start=1):
    made = {"id": number, "completed_by": {"id": 1}, "created_at": "2026-01-01T00:00:00Z"}
    made["result"] = [found] if name == "a" else []
    tasks.append({"id": number, "data": {"image": str(images / f"{name}.png")}, "annotations": [made]})
export = work / "export.json"
export.write_text(json.dumps(tasks))
config = (
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="label" toName="image"><Label value="cat"/></RectangleLabels></View>'
)
converter = Converter(config, str(work), download_resources=False)
for name in ("voc", "coco", "yolo"):
    folder = work / "label_studio" / name
    getattr(converter, f"convert_to_{name}")(str(export), str(folder), str(folder / "images"), is_dir=False)
show_voc("label-studio-sdk", work / "label_studio/voc")
written = json.loads((work / "label_studio/coco/result.json").read_text())["images"]
print("label-studio-sdk, COCO:", stems(row["file_name"] for row in written))
print("label-studio-sdk, YOLO:", stems((work / "label_studio/yolo/labels").iterdir()))
PYTHON

seen="$("$work/venv/bin/python" "$work/export.py" "$work" 2>/dev/null)"
echo "$seen"
expected="datumaro: ImageSets a b c, XML a
datumaro, warnings: 0
label-studio-sdk: ImageSets none, XML a
label-studio-sdk, COCO: a b c
label-studio-sdk, YOLO: a b c"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
