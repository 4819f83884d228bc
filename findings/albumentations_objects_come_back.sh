#!/usr/bin/env bash
# albumentations 2.0.8 and albumentationsx 2.5.1: distortions give an object that has left the image its old box back.
#
# An object that a rotation or a crop moves out of the image loses its box and its label, and `min_visibility` and `min_area`
# say how much must be left of it. The distortions (ElasticTransform, GridDistortion, OpticalDistortion, PiecewiseAffine,
# ThinPlateSpline) draw each box into a mask, bend the mask, and take the box of what is left; where nothing is left,
# `mask_to_bboxes` takes the box that was there before. This has its full size, so that no limit removes it. So a detector is
# taught objects where there is background now, at the borders of images, and where a small object fell between the pixels.
# Nothing is said. Where it matters compute the boxes from masks. (2.0.8 is the last version of that name, albumentationsx its
# successor.)
#
# Below a white object of 8 x 8 pixels at the left border of a black image of 256 x 256, with min_visibility=0.5 and
# min_area=20.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   albumentations 2.0.8
#     Rotate by 45 degrees: no white pixel in 10 of 10 images, a box in 0 of these, 0 as before
#     CenterCrop(128, 128): no white pixel in 10 of 10 images, a box in 0 of these, 0 as before
#     OpticalDistortion by -0.3: no white pixel in 10 of 10 images, a box in 10 of these, 10 as before
#     PiecewiseAffine(): no white pixel in 10 of 10 images, a box in 10 of these, 10 as before
#   albumentationsx 2.5.1
#     Rotate by 45 degrees: no white pixel in 10 of 10 images, a box in 0 of these, 0 as before
#     CenterCrop(128, 128): no white pixel in 10 of 10 images, a box in 0 of these, 0 as before
#     OpticalDistortion by -0.3: no white pixel in 10 of 10 images, a box in 10 of these, 10 as before
#     PiecewiseAffine(): no white pixel in 10 of 10 images, a box in 10 of these, 10 as before
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for package in albumentations==2.0.8 albumentationsx==2.5.1; do
  name="${package%%==*}"
  python3 -m venv "$work/$name"
  [ "$name" = albumentations ] || package="$package torch==2.15.0"
  # shellcheck disable=SC2086  # two packages
  "$work/$name/bin/pip" install --quiet --disable-pip-version-check $package numpy==2.4.6 opencv-python-headless==5.0.0.93
done

cat > "$work/objects.py" <<'PYTHON'
import inspect

import albumentations as A
import numpy as np

BOXES = {"format" if "format" in inspect.signature(A.BboxParams).parameters else "coord_format": "pascal_voc"}
LIMIT = "distort_limit" if "distort_limit" in inspect.signature(A.OpticalDistortion).parameters else "distort_range"


def show(words, step):
    """What is left of a white object of 8 x 8 pixels at the left border, in 10 images."""
    image = np.zeros((256, 256, 3), np.uint8)
    image[40:48, :8] = 255
    boxes = A.BboxParams(**BOXES, label_fields=["labels"], min_visibility=0.5, min_area=20)
    steps = A.Compose([step], bbox_params=boxes, seed=0)
    all_ = [steps(image=image, bboxes=[[0, 40, 8, 48]], labels=["cat"]) for _ in range(10)]
    gone = [out for out in all_ if not (out["image"] > 0).any()]
    boxes = [np.round(box).astype(int).tolist() for out in gone for box in out["bboxes"]]
    same = sum(box == [0, 40, 8, 48] for box in boxes)
    print(f"  {words}: no white pixel in {len(gone)} of 10 images, a box in {len(boxes)} of these, {same} as before")


show("Rotate by 45 degrees", A.Rotate((45, 45), p=1))
show("CenterCrop(128, 128)", A.CenterCrop(128, 128, p=1))
show("OpticalDistortion by -0.3", A.OpticalDistortion(**{LIMIT: (-0.3, -0.3)}, p=1))
show("PiecewiseAffine()", A.PiecewiseAffine(p=1))
PYTHON

cd "$work"
seen="$(for package in "albumentations 2.0.8" "albumentationsx 2.5.1"; do
  echo "$package"
  NO_ALBUMENTATIONS_UPDATE=1 "$work/${package% *}/bin/python" objects.py 2> errors.txt || cat errors.txt
done)"
echo "$seen"
expected='albumentations 2.0.8
  Rotate by 45 degrees: no white pixel in 10 of 10 images, a box in 0 of these, 0 as before
  CenterCrop(128, 128): no white pixel in 10 of 10 images, a box in 0 of these, 0 as before
  OpticalDistortion by -0.3: no white pixel in 10 of 10 images, a box in 10 of these, 10 as before
  PiecewiseAffine(): no white pixel in 10 of 10 images, a box in 10 of these, 10 as before
albumentationsx 2.5.1
  Rotate by 45 degrees: no white pixel in 10 of 10 images, a box in 0 of these, 0 as before
  CenterCrop(128, 128): no white pixel in 10 of 10 images, a box in 0 of these, 0 as before
  OpticalDistortion by -0.3: no white pixel in 10 of 10 images, a box in 10 of these, 10 as before
  PiecewiseAffine(): no white pixel in 10 of 10 images, a box in 10 of these, 10 as before'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
