#!/usr/bin/env bash
# label-studio-sdk 2.1.2 numbers the objects of its COCO files from 0, and pycocotools 2.0.11 never finds the object 0.
#
# pycocotools keeps the id of the object that a detection was matched with, and 0 for none. So the first object of a file
# whose ids begin at 0 counts as missed and what found it as false: a detector that is right about all boxes of two
# images gets an AP of 0.25 here instead of 1. The COCO format does not forbid the number. The effect is lost in a large
# data set, and large in the few dozen images that somebody labels in Label Studio and tests with.
# faster-coco-eval 1.8.0 computes the same to the last digit; hotcoco 1.3.0 and ultrafast-pycocotools 0.1.14, faster
# versions of the same metrics that agree with pycocotools otherwise, find the object.
#
# Seen on Linux, Python 3.11:
#   ids: 0 1
#   pycocotools 0.25
#   faster-coco-eval 0.25
#   hotcoco 1.00
#   ultrafast-pycocotools 1.00
#   ids from 1: pycocotools 1.00
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check label-studio-sdk==2.1.2 pycocotools==2.0.11 \
  faster-coco-eval==1.8.0 hotcoco==1.3.0 ultrafast-pycocotools==0.1.14

cat > "$work/evaluate.py" <<'PYTHON'
import contextlib
import io
import json
import logging
import sys
from pathlib import Path

logging.disable(logging.CRITICAL)
import faster_coco_eval  # noqa: E402
import hotcoco  # noqa: E402
import pycocotools.coco  # noqa: E402
import pycocotools.cocoeval  # noqa: E402
import ultrafast_pycocotools.coco  # noqa: E402
import ultrafast_pycocotools.cocoeval  # noqa: E402
from label_studio_sdk.converter import Converter  # noqa: E402
from PIL import Image  # noqa: E402

work = Path(sys.argv[1])
tasks = []
for number in (1, 2):
    Image.new("RGB", (100, 100)).save(work / f"{number}.png")
    value = {"x": 10 * number, "y": 10, "width": 30, "height": 30, "rotation": 0, "rectanglelabels": ["cat"]}
    result = {"id": f"r{number}", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "value": value}
    result |= {"original_width": 100, "original_height": 100}
    annotation = {"id": number, "completed_by": {"id": 1}, "created_at": "2026-01-01T00:00:00Z", "result": [result]}
    tasks.append({"id": number, "data": {"image": str(work / f"{number}.png")}, "annotations": [annotation]})
(work / "export.json").write_text(json.dumps(tasks))
config = (
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="label" toName="image"><Label value="cat"/></RectangleLabels></View>'
)
converter = Converter(config, str(work), download_resources=False)
converter.convert_to_coco(str(work / "export.json"), str(work / "coco"), str(work / "coco/images"), is_dir=False)
truth = json.loads((work / "coco/result.json").read_text())
detections = [
    {"image_id": one["image_id"], "category_id": one["category_id"], "bbox": one["bbox"], "score": 0.9 - one["id"] / 10}
    for one in truth["annotations"]
]


def average_precision(data, evaluation, truth):
    with contextlib.redirect_stdout(io.StringIO()):
        if evaluation is hotcoco.COCOeval:
            labels = data(truth)
            made = evaluation(labels, labels.load_res(detections), "bbox")
        else:
            labels = data()
            labels.dataset = json.loads(json.dumps(truth))
            labels.createIndex()
            made = evaluation(labels, labels.loadRes(json.loads(json.dumps(detections))), "bbox")
        made.evaluate()
        made.accumulate()
        made.summarize()
    return f"{made.stats[0]:.2f}"


reference = pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval
ultrafast = ultrafast_pycocotools.coco.COCO, ultrafast_pycocotools.cocoeval.COCOeval
print("ids:", *(one["id"] for one in truth["annotations"]))
print("pycocotools", average_precision(*reference, truth))
print("faster-coco-eval", average_precision(faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster, truth))
print("hotcoco", average_precision(hotcoco.COCO, hotcoco.COCOeval, truth))
print("ultrafast-pycocotools", average_precision(*ultrafast, truth))
truth["annotations"] = [one | {"id": one["id"] + 1} for one in truth["annotations"]]
print("ids from 1: pycocotools", average_precision(*reference, truth))
PYTHON

seen="$("$work/venv/bin/python" "$work/evaluate.py" "$work" 2>/dev/null)"
echo "$seen"
expected="ids: 0 1
pycocotools 0.25
faster-coco-eval 0.25
hotcoco 1.00
ultrafast-pycocotools 1.00
ids from 1: pycocotools 1.00"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
