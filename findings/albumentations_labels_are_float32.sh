#!/usr/bin/env bash
# albumentations 2.0.8 and albumentationsx 2.5.1 carry the labels of boxes through float32: large ids come back as others.
#
# `label_fields` names what belongs to each box and is to follow it through crops and flips: its class, or its id, by which
# one finds the annotation again. Numbers are put beside the coordinates, in an array of float32, which has whole numbers up to
# 16,777,216 only, and are then converted back to the type that they had. So ids beyond that are rounded: to an even
# number up to 33.5 million, as the 30 million boxes of Objects365 would have them, and COCO's crowds (900100448263 is of this
# form) by up to 32,768. Two boxes have one id then; the array has the type that it was given, int64, and nothing is said.
# The documentation of label_fields names no limit. Give it positions in a list of your own instead of ids. (2.0.8 is the last
# version of that name, albumentationsx its successor.)
#
# Below a horizontal flip of 1,000 boxes with the ids up to 30 million, and of five boxes.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   albumentations 2.0.8
#     ids up to 30 million: 50% are others, 501 are left of 1,000
#     int64 array: 16777216 16777216 20000000 20000004 900100456448
#   albumentationsx 2.5.1
#     ids up to 30 million: 50% are others, 501 are left of 1,000
#     int64 array: 16777216 16777216 20000000 20000004 900100456448
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

cat > "$work/labels.py" <<'PYTHON'
import inspect

import albumentations as A
import numpy as np

parameters = inspect.signature(A.BboxParams).parameters
layout = "format" if "format" in parameters else "coord_format"


def flipped(ids):
    """The ids of as many boxes in an image after a flip."""
    boxes = A.BboxParams(**{layout: "coco"}, label_fields=["ids"])
    flip = A.Compose([A.HorizontalFlip(p=1)], bbox_params=boxes)
    image, box = np.zeros((100, 100, 3), np.uint8), [10.0, 10.0, 20.0, 20.0]
    return flip(image=image, bboxes=np.array([box] * len(ids)), ids=ids)["ids"]


ids = np.arange(30_000_000 - 999, 30_000_001)
found = flipped(ids)
print(f"  ids up to 30 million: {(found != ids).mean():.0%} are others, {len(np.unique(found))} are left of 1,000")
ids = np.array([16_777_216, 16_777_217, 20_000_001, 20_000_003, 900_100_448_263])
found = flipped(ids)
print(f"  {found.dtype} array:", *found)
PYTHON

cd "$work"
seen="$(for package in "albumentations 2.0.8" "albumentationsx 2.5.1"; do
  echo "$package"
  NO_ALBUMENTATIONS_UPDATE=1 "$work/${package% *}/bin/python" labels.py 2> errors.txt || cat errors.txt
done)"
echo "$seen"
expected='albumentations 2.0.8
  ids up to 30 million: 50% are others, 501 are left of 1,000
  int64 array: 16777216 16777216 20000000 20000004 900100456448
albumentationsx 2.5.1
  ids up to 30 million: 50% are others, 501 are left of 1,000
  int64 array: 16777216 16777216 20000000 20000004 900100456448'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
