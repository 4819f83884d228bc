#!/usr/bin/env bash
# torchvision 0.29.2's wrapper of COCO data sets: crowds become objects, and images without objects have no boxes.
#
# `wrap_dataset_for_transforms_v2(CocoDetection(...))` is what torchvision offers to train its detectors on COCO files.
# A crowd in COCO ("iscrowd": 1) marks a region in which nothing is to be counted; training codes leave it out (torchvision's
# reference with its older transforms, Detectron2, MMDetection's defaults). The wrapper hands it on as an object of its
# class, and without "iscrowd" unless `target_keys=` asks for it: a detector is taught that a whole stand of people is
# one person. For an image without objects the target has no "boxes" and no "labels": its transforms have nothing to
# transform, and torchvision's detectors, which train on images without objects if "boxes" has shape (0, 4), end with a
# KeyError, at whichever step the first such image comes.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   one object: boxes [[1.0, 2.0, 11.0, 12.0]], labels [1]
#   no object: image_id
#   a crowd: boxes [[0.0, 0.0, 64.0, 48.0]], labels [1]
#   training on the image without objects: KeyError 'boxes'
#   the same with boxes of shape (0, 4): 4 losses
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 pycocotools==2.0.11 \
  numpy==2.4.6 pillow==13.0.0

cat > "$work/wrapper.py" <<'PYTHON'
import contextlib
import io
import json

import torch
from PIL import Image
from torchvision.datasets import CocoDetection, wrap_dataset_for_transforms_v2
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn
from torchvision.transforms.v2.functional import to_dtype, to_image

names = ("one object", "no object", "a crowd")
images = [{"id": i, "file_name": "image.png", "width": 64, "height": 48} for i in (1, 2, 3)]
one = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [1.0, 2.0, 10.0, 10.0], "area": 100.0}
crowd = {"id": 2, "image_id": 3, "category_id": 1, "iscrowd": 1, "bbox": [0.0, 0.0, 64.0, 48.0], "area": 3072.0}
one["segmentation"] = [[1.0, 2.0, 11.0, 2.0, 11.0, 12.0, 1.0, 12.0]]
crowd["segmentation"] = {"counts": [0, 64 * 48], "size": [48, 64]}
Image.new("RGB", (64, 48)).save("image.png")
with open("coco.json", "w") as out:
    json.dump({"images": images, "annotations": [one, crowd], "categories": [{"id": 1, "name": "person"}]}, out)
with contextlib.redirect_stdout(io.StringIO()):
    data = wrap_dataset_for_transforms_v2(CocoDetection(".", "coco.json"))
for name, (_, target) in zip(names, data):
    if "boxes" in target:
        print(f"{name}: boxes {target['boxes'].tolist()}, labels {target['labels'].tolist()}")
    else:
        print(f"{name}: {', '.join(target)}")

model = fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None, num_classes=2)
image, target = data[1]
pixels = to_dtype(to_image(image), torch.float32, scale=True)
try:
    model([pixels], [target])
except KeyError as error:
    print("training on the image without objects: KeyError", error)
empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
print(f"the same with boxes of shape (0, 4): {len(model([pixels], [empty]))} losses")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" wrapper.py)"
echo "$seen"
expected="one object: boxes [[1.0, 2.0, 11.0, 12.0]], labels [1]
no object: image_id
a crowd: boxes [[0.0, 0.0, 64.0, 48.0]], labels [1]
training on the image without objects: KeyError 'boxes'
the same with boxes of shape (0, 4): 4 losses"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
