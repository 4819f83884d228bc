#!/usr/bin/env bash
# sahi 0.12.8: get_subsampled_coco(category_id=0) subsamples all images, not only those that contain class 0.
#
# With a category_id it is to thin out the images of this class and to keep all others; its documentation shows it with
# category_id=0, "1/10 of total images that contain first category". The code tests `if category_id:`, and 0 is false, so that
# nine of ten images of every other class are lost too. Nothing is said. Class 0 is ordinary here: sahi's documentation and
# its YOLO export number classes from 0, and its `merge` does if no numbers are given. All other numbers, also -1 for images
# without objects, work, and so does `get_upsampled_coco` with 0. Number the classes from 1 to subsample.
#
# Below 100 images, 50 with a cat and 50 with a dog, of which one of 10 with a cat is to stay.
#
# Seen on Linux, Python 3.11 (about 400 MB are installed for a while):
#   cats are class 1, dogs class 2: 5 images of cats, 50 of dogs
#   cats are class 0, dogs class 1: 5 images of cats, 5 of dogs
#   cats are class 0, upsampled 10 times: 500 images of cats, 50 of dogs
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check sahi==0.12.8 numpy==2.4.6

cat > "$work/sample.py" <<'PYTHON'
from sahi.utils.coco import Coco


def data(first):
    """50 images of cats, whose class is `first`, then 50 images of dogs."""
    rest = {"bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0, "segmentation": []}
    numbers = range(1, 101)
    return Coco.from_coco_dict_or_path(
        {
            "images": [{"id": n, "file_name": f"{n}.jpg", "width": 99, "height": 99} for n in numbers],
            "categories": [{"id": first, "name": "cat"}, {"id": first + 1, "name": "dog"}],
            "annotations": [{"id": n, "image_id": n, "category_id": first + (n > 50), **rest} for n in numbers],
        }
    )


def show(words, coco):
    names = [one.category_name for image in coco.images for one in image.annotations]
    print(f"{words}: {names.count('cat')} images of cats, {names.count('dog')} of dogs")


for first in (1, 0):
    sampled = data(first).get_subsampled_coco(subsample_ratio=10, category_id=first)
    show(f"cats are class {first}, dogs class {first + 1}", sampled)
show("cats are class 0, upsampled 10 times", data(0).get_upsampled_coco(upsample_ratio=10, category_id=0))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" sample.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='cats are class 1, dogs class 2: 5 images of cats, 50 of dogs
cats are class 0, dogs class 1: 5 images of cats, 5 of dogs
cats are class 0, upsampled 10 times: 500 images of cats, 50 of dogs'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
