#!/usr/bin/env bash
# sahi 0.12.8 makes objects of crowds, and outlines of boxes, when it slices COCO data.
#
# `sahi coco slice` (`sahi.slicing.slice_coco`) writes "iscrowd": 0 for every annotation, whatever was there, and gives an
# annotation without a segmentation the rectangle of its box as one. A crowd as a run-length mask is told as "segmentation
# is skipped"; what it becomes, an object with the box of the group, is not. Whoever trains on the slices teaches the
# detector that a group is one large object, and whoever evaluates on them counts the group as missed, and the detections
# in it as false; AP on slices and on whole images are then of different tasks. And Mask R-CNN, for which a file with
# outlines is one with masks, learns rectangles. The documentation of the command names neither. Take crowds out before
# (or put iscrowd back by hand), and train on boxes only where the source has only boxes.
#
# Seen on Linux, Python 3.11, one slice as large as the image:
#   before: box crowd=0 outline=none; crowd crowd=1 outline=polygon; group crowd=1 outline=mask
#   after: box crowd=0 outline=polygon; crowd crowd=0 outline=polygon; group crowd=0 outline=polygon
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check sahi==0.12.8

cat > "$work/slice.py" <<'PYTHON'
import json
import sys
from pathlib import Path

from PIL import Image
from sahi.slicing import slice_coco

SIDE = 100
work = Path(sys.argv[1])
(work / "images").mkdir()
Image.new("RGB", (SIDE, SIDE)).save(work / "images/a.png")


def annotation(number, box, crowd, segmentation):
    x, y, width, height = box
    return {
        "id": number,
        "image_id": 1,
        "category_id": number,
        "bbox": box,
        "area": width * height,
        "iscrowd": crowd,
        "segmentation": segmentation,
    }


column = [50, 50]  # a mask in columns: the lower half of the 100 columns
rows = [
    annotation(1, [10, 10, 20, 20], 0, []),
    annotation(2, [40, 10, 50, 30], 1, [[40, 10, 90, 10, 90, 40, 40, 40]]),
    annotation(3, [0, 50, 100, 50], 1, {"size": [SIDE, SIDE], "counts": column * SIDE}),
]
names = ["box", "crowd", "group"]
truth = {
    "images": [{"id": 1, "file_name": "a.png", "width": SIDE, "height": SIDE}],
    "categories": [{"id": number, "name": name} for number, name in enumerate(names, start=1)],
    "annotations": rows,
}
(work / "truth.json").write_text(json.dumps(truth))
sliced, _ = slice_coco(
    str(work / "truth.json"), str(work / "images"), "sliced", str(work / "out"), slice_height=SIDE, slice_width=SIDE
)


def words(annotations):
    kinds = {list: "polygon", dict: "mask"}
    shown = ((one, kinds[type(one["segmentation"])] if one["segmentation"] else "none") for one in annotations)
    return "; ".join(f"{names[one['category_id'] - 1]} crowd={one['iscrowd']} outline={kind}" for one, kind in shown)


print("before:", words(rows))
print("after:", words(sliced["annotations"]))
PYTHON

seen="$("$work/venv/bin/python" "$work/slice.py" "$work" 2>/dev/null)"
echo "$seen"
expected="before: box crowd=0 outline=none; crowd crowd=1 outline=polygon; group crowd=1 outline=mask
after: box crowd=0 outline=polygon; crowd crowd=0 outline=polygon; group crowd=0 outline=polygon"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
