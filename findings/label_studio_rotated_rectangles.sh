#!/usr/bin/env bash
# label-studio-sdk 2.1.2 writes wrong COCO boxes for rotated rectangles in images that are not square.
#
# Label Studio stores rectangles in percent of the image, and their rotation in degrees about their corner. The converter
# (`label_studio_sdk.converter`) turns the rectangle in percent, where the units of x and y differ, and multiplies with
# width and height afterwards. A rectangle of 40 x 10 pixels at (100, 10) in an image of 200 x 100, turned by 90 degrees,
# becomes 20 x 20 pixels; it is 10 x 40 at (90, 10), as the corners show that the same package writes for YOLO's oriented
# boxes. So rotated rectangles are better read from Label Studio's JSON than from its COCO files.
#
# Seen on Linux, Python 3.11:
#   coco: 80 10 20 20
#   obb: 90 10 10 40
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check label-studio-sdk==2.1.2

cat > "$work/convert.py" <<'PYTHON'
import json
import logging
import sys
from pathlib import Path

logging.disable(logging.CRITICAL)
from label_studio_sdk.converter import Converter  # noqa: E402
from label_studio_sdk.converter.utils import convert_annotation_to_yolo_obb  # noqa: E402
from PIL import Image  # noqa: E402

WIDTH, HEIGHT = 200, 100
work = Path(sys.argv[1])
Image.new("RGB", (WIDTH, HEIGHT)).save(work / "a.png")
value = {"x": 50, "y": 10, "width": 20, "height": 10, "rotation": 90, "rectanglelabels": ["cat"]}
sizes = {"original_width": WIDTH, "original_height": HEIGHT}
result = {"id": "r", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "value": value, **sizes}
annotation = {"id": 1, "completed_by": {"id": 1}, "created_at": "2026-01-01T00:00:00Z", "result": [result]}
task = {"id": 1, "data": {"image": str(work / "a.png")}, "annotations": [annotation]}
(work / "export.json").write_text(json.dumps([task]))
config = (
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="label" toName="image"><Label value="cat"/></RectangleLabels></View>'
)
converter = Converter(config, str(work), download_resources=False)
converter.convert_to_coco(str(work / "export.json"), str(work / "coco"), str(work / "coco/images"), is_dir=False)
box = json.loads((work / "coco/result.json").read_text())["annotations"][0]["bbox"]
print("coco:", *(round(v) for v in box))
xs, ys = zip(*((x * WIDTH, y * HEIGHT) for x, y in convert_annotation_to_yolo_obb({**value, **sizes})))
print("obb:", *(round(v) for v in (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))))
PYTHON

seen="$("$work/venv/bin/python" "$work/convert.py" "$work" 2>/dev/null)"
echo "$seen"
expected="coco: 80 10 20 20
obb: 90 10 10 40"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
