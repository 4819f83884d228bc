#!/usr/bin/env bash
# Three readers of CVAT's XML on the way to COCO: datumaro 1.13.12 loses rotated rectangles and ellipses, hotcoco 1.3.0 and
# globox 2.9.0 take rotated rectangles for upright ones.
#
# CVAT ("CVAT for images 1.1") writes a rotated rectangle as a box before its rotation and an angle in degrees about its
# center. datumaro's importer knows it as a RotatedBbox, but its exporters to COCO, YOLO and VOC leave that type out, and its
# importer leaves out ellipses: such objects are missing from the data set, and the image is a negative example if it has no
# others. hotcoco and globox do not read the angle, so a rectangle of 40 x 10 pixels that is turned by 90 degrees is one
# that lies across the object: its IoU with the extent (10 x 40) is 0.14. hotcoco counts ellipses as unsupported in a
# warning; otherwise nothing is said by any of them. datumaro's exporter to DOTA does have the rotated rectangle, but leaves
# out the upright one. So export COCO from CVAT itself, which keeps the angle as an attribute.
#
# Seen on Linux, Python 3.11, a rectangle of 40 x 10 at (90, 20), turned by 90 degrees, an upright one, and an ellipse:
#   datumaro: 10 60 30 20
#   hotcoco: 90 20 40 10; 10 60 30 20
#   globox: 90 20 40 10; 10 60 30 20
#   datumaro, DOTA: 105 5 10 40
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datumaro==1.13.12 hotcoco==1.3.0 globox==2.9.0

mkdir "$work/cvat"
cat > "$work/cvat/annotations.xml" <<'XML'
<annotations>
  <version>1.1</version>
  <meta><task><labels><label><name>cat</name></label></labels></task></meta>
  <image id="0" name="a.png" width="200" height="100">
    <box label="cat" source="manual" occluded="0" xtl="90.00" ytl="20.00" xbr="130.00" ybr="30.00" rotation="90.00"/>
    <box label="cat" source="manual" occluded="0" xtl="10.00" ytl="60.00" xbr="40.00" ybr="80.00" z_order="0"/>
    <ellipse label="cat" source="manual" occluded="0" cx="160.00" cy="60.00" rx="20.00" ry="10.00" z_order="0"/>
  </image>
</annotations>
XML

cat > "$work/convert.py" <<'PYTHON'
import json
import logging
import sys
import warnings
from pathlib import Path

logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")
import datumaro  # noqa: E402
from globox import AnnotationSet  # noqa: E402
from hotcoco import COCO  # noqa: E402
from PIL import Image  # noqa: E402

work = Path(sys.argv[1])
(work / "cvat/images").mkdir()
Image.new("RGB", (200, 100)).save(work / "cvat/images/a.png")


def show(name, boxes):
    print(f"{name}:", "; ".join(" ".join(str(round(v)) for v in box) for box in boxes))


def boxes_of(path):
    return [row["bbox"] for row in json.loads(path.read_text())["annotations"]]


data = datumaro.Dataset.import_from(str(work / "cvat"), "cvat")
data.export(str(work / "coco"), "coco_instances")
show("datumaro", boxes_of(next((work / "coco").rglob("instances_*.json"))))
COCO.from_cvat(str(work / "cvat/annotations.xml")).save(str(work / "hotcoco.json"))
show("hotcoco", boxes_of(work / "hotcoco.json"))
AnnotationSet.from_cvat(work / "cvat/annotations.xml").save_coco(work / "globox.json", auto_ids=True)
show("globox", boxes_of(work / "globox.json"))
data.export(str(work / "dota"), "dota")
boxes = []
for line in next((work / "dota").rglob("a.txt")).read_text().splitlines():
    corners = [float(v) for v in line.split()[:8]]
    left, top = min(corners[::2]), min(corners[1::2])
    boxes.append([left, top, max(corners[::2]) - left, max(corners[1::2]) - top])
show("datumaro, DOTA", boxes)
PYTHON

seen="$("$work/venv/bin/python" "$work/convert.py" "$work" 2>/dev/null)"
echo "$seen"
expected="datumaro: 10 60 30 20
hotcoco: 90 20 40 10; 10 60 30 20
globox: 90 20 40 10; 10 60 30 20
datumaro, DOTA: 105 5 10 40"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
