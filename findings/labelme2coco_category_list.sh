#!/usr/bin/env bash
# labelme2coco 0.2.6: a label that `coco_category_list` lacks takes the number of a class in it, and so do the next ones.
#
# To give train and val the same numbers one passes the classes of train, `coco_category_list=train_coco.json_categories`, as
# its README does; the docstring calls it a list to "start from". One expects new labels to come behind it. But the count of new
# classes begins at 0 whatever the list has (`get_coco_from_labelme_folder`), and the name of number 0 is replaced by the new
# one in the table by which labels are found, so that the class of this name is unknown when it comes, takes number 1, and so
# on. One label in val that train lacks shifts the classes of all objects after it; the file lists numbers twice. A model is
# then measured with an AP near 0. Nothing is said. Pass a list that has all labels.
#
# Below the same classes in train and val, and a val with a bird in addition.
#
# Seen on Linux, Python 3.11 (about 400 MB are installed for a while):
#   train, drawn cat, dog: classes 0 cat, 1 dog; objects 0, 1
#   val, drawn dog, cat: classes 0 cat, 1 dog; objects 1, 0
#   val, drawn bird, cat, dog: classes 0 cat, 1 dog, 0 bird, 1 cat, 2 dog; objects 0, 1, 2
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check labelme2coco==0.2.6 sahi==0.12.8 numpy==2.4.6 pillow==13.0.0

cat > "$work/list.py" <<'PYTHON'
import contextlib
import io
import json
import sys
from pathlib import Path

from labelme2coco import get_coco_from_labelme_folder
from PIL import Image

work = Path(sys.argv[1])


def write(folder, labels):
    """A folder with one image, and one rectangle for each label."""
    (work / folder).mkdir()
    Image.new("RGB", (100, 50)).save(work / folder / "1.png")
    rest = {"shape_type": "rectangle", "group_id": None, "flags": {}}
    shapes = [
        {"label": label, "points": [[10 * i, 10], [10 * i + 8, 20]], **rest} for i, label in enumerate(labels)
    ]
    head = {"version": "5.5.0", "flags": {}, "imagePath": "1.png", "imageData": None, "imageHeight": 50, "imageWidth": 100}
    (work / folder / "1.json").write_text(json.dumps({**head, "shapes": shapes}))


def show(words, data):
    """The classes of a file, and the numbers of its objects."""
    classes = ", ".join(f"{one['id']} {one['name']}" for one in data["categories"])
    print(f"{words}: classes {classes}; objects {', '.join(str(one['category_id']) for one in data['annotations'])}")


write("train", ["cat", "dog"])
write("same", ["dog", "cat"])
write("val", ["bird", "cat", "dog"])
with contextlib.redirect_stdout(io.StringIO()):
    train = get_coco_from_labelme_folder(str(work / "train")).json
    same, val = (get_coco_from_labelme_folder(str(work / name), train["categories"]).json for name in ("same", "val"))
show("train, drawn cat, dog", train)
show("val, drawn dog, cat", same)
show("val, drawn bird, cat, dog", val)
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" list.py "$work" 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='train, drawn cat, dog: classes 0 cat, 1 dog; objects 0, 1
val, drawn dog, cat: classes 0 cat, 1 dog; objects 1, 0
val, drawn bird, cat, dog: classes 0 cat, 1 dog, 0 bird, 1 cat, 2 dog; objects 0, 1, 2'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
