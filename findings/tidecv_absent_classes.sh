#!/usr/bin/env bash
# tidecv 1.0.1 (TIDE): a single false detection of a class without objects halves the AP of a perfect detector of one class.
#
# TIDE tells which kinds of errors cost how much AP. Its author says that its AP has "100% parity with pycocotools" (issue 14
# of dbolya/tide). pycocotools leaves classes without objects out of the mean. TIDE's mean counts a class as soon as there
# are objects or detections of it, and a class that has only detections has AP 0, whatever their scores are. So it depends on
# which classes the detector happens to name: a subset of the images, or a validation set without the rare classes, lowers
# AP by the number of these classes (issue 28, open, has 10.0 for 12.5). The dAP of TIDE's kinds of errors is wrong by it, as
# it is the AP without these errors minus this one: "Bkg" is below the largest of all for one detection with score 0.05.
#
# Who uses TIDE on such data removes detections of classes without objects first, and compares its AP with pycocotools.
#
# Below 50 persons found exactly, and false detections of up to three classes that do not occur.
#
# Seen on Linux, Python 3.11 (about 600 MB are installed for a while):
#   false detections of absent classes: 0
#     AP50: TIDE 100.00, pycocotools 100.00; TIDE's loss by background: 0.00
#   false detections of absent classes: 1
#     AP50: TIDE 50.00, pycocotools 100.00; TIDE's loss by background: 50.00
#   false detections of absent classes: 2
#     AP50: TIDE 33.33, pycocotools 100.00; TIDE's loss by background: 66.67
#   false detections of absent classes: 3
#     AP50: TIDE 25.00, pycocotools 100.00; TIDE's loss by background: 75.00
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tidecv==1.0.1 pycocotools==2.0.11 numpy==2.4.6 \
  matplotlib==3.11.2 seaborn==0.13.2 pandas==3.1.1 opencv-python==5.0.0.93 appdirs==1.4.4

cat > "$work/classes.py" <<'PYTHON'
import contextlib
import io
import json

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tidecv import TIDE, datasets

names = ["person", "dog", "cat", "car"]
box = [10, 10, 50, 100]
outline = [[10, 10, 60, 10, 60, 110, 10, 110]]
people = [
    {"id": n, "image_id": n, "category_id": 1, "bbox": box, "area": 5000, "iscrowd": 0, "segmentation": outline}
    for n in range(1, 51)
]
images = [{"id": n, "file_name": f"{n}.jpg", "width": 640, "height": 480} for n in range(1, 51)]
categories = [{"id": n, "name": name} for n, name in enumerate(names, start=1)]
with open("truth.json", "w") as file:
    json.dump({"images": images, "annotations": people, "categories": categories}, file)

for absent in range(4):
    found = [{"image_id": n, "category_id": 1, "bbox": box, "score": 0.9} for n in range(1, 51)]
    found += [{"image_id": 1, "category_id": 2 + n, "bbox": [400, 300, 60, 40], "score": 0.05} for n in range(absent)]
    with open("found.json", "w") as file:
        json.dump(found, file)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO("truth.json")
        reference = COCOeval(coco, coco.loadRes("found.json"), "bbox")
        reference.evaluate()
        reference.accumulate()
        reference.summarize()
    tide = TIDE()
    run = tide.evaluate(datasets.COCO("truth.json"), datasets.COCOResult("found.json"), mode=TIDE.BOX)
    background = tide.get_main_errors()["found"]["Bkg"]
    print(f"false detections of absent classes: {absent}")
    print(f"  AP50: TIDE {run.ap:.2f}, pycocotools {100 * reference.stats[1]:.2f}; TIDE's loss by background: {background:.2f}")
PYTHON

cd "$work"
export TIDE_PATH="$work/tide" MPLCONFIGDIR="$work/matplotlib"
seen="$("$work/venv/bin/python" classes.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected="false detections of absent classes: 0
  AP50: TIDE 100.00, pycocotools 100.00; TIDE's loss by background: 0.00
false detections of absent classes: 1
  AP50: TIDE 50.00, pycocotools 100.00; TIDE's loss by background: 50.00
false detections of absent classes: 2
  AP50: TIDE 33.33, pycocotools 100.00; TIDE's loss by background: 66.67
false detections of absent classes: 3
  AP50: TIDE 25.00, pycocotools 100.00; TIDE's loss by background: 75.00"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
