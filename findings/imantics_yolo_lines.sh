#!/usr/bin/env bash
# imantics 0.1.12: its YOLO lines have the corner of a box for its centre, and the place in the image's list for the class.
#
# A line of YOLO's labels is a class, the centre of a box and its size. `Annotation.yolo` ("Generates YOLO format of annotation
# (using the bounding box)") writes the upper left corner in place of the centre, so each box is half its size too far left and
# up. And `Image.yolo` numbers the classes of each image from 1 in the order in which they occur there, whatever the ids of the
# categories are: a class has another number in each image, and none is 0. It stores these numbers in the categories, so that a
# COCO export after it has other classes than one before it. Nothing is said. The COCO export is right (before that).
#
# Below an image with a car, and one with a person and a car, all with the same box, whose ids are 1 for cars and 2 for persons.
#
# Seen on Linux, Python 3.11 (about 300 MB are installed for a while):
#   COCO:
#     image 1: class 1, box (20, 10, 40, 20)
#     image 2: class 2, box (20, 10, 40, 20)
#     image 2: class 1, box (20, 10, 40, 20)
#   YOLO (0.4 0.4 0.4 0.4 is this box: centre and size, of 100 x 50):
#     image 1: 1 0.20000 0.20000 0.40000 0.40000
#     image 2: 1 0.20000 0.20000 0.40000 0.40000, 2 0.20000 0.20000 0.40000 0.40000
#   COCO, after the export to YOLO:
#     image 1: class 2, box (20, 10, 40, 20)
#     image 2: class 1, box (20, 10, 40, 20)
#     image 2: class 2, box (20, 10, 40, 20)
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check imantics==0.1.12 opencv-python==5.0.0.93 numpy==2.4.6

cat > "$work/lines.py" <<'PYTHON'
from imantics import BBox, Category, Dataset, Image

data = Dataset("all")
car, person = Category("car", id=1), Category("person", id=2)
for number, names in ((1, [car]), (2, [person, car])):
    image = Image(width=100, height=50, path=f"{number}.jpg", id=number)
    for category in names:
        image.add(BBox((20, 10, 60, 30)), category=category)
    data.add(image)
print("COCO:")
for one in data.coco()["annotations"]:
    print(f"  image {one['image_id']}: class {one['category_id']}, box {one['bbox']}")
print("YOLO (0.4 0.4 0.4 0.4 is this box: centre and size, of 100 x 50):")
for path, lines in data.yolo().items():
    print(f"  image {path.removesuffix('.jpg')}: {', '.join(lines)}")
print("COCO, after the export to YOLO:")
for one in data.coco()["annotations"]:
    print(f"  image {one['image_id']}: class {one['category_id']}, box {one['bbox']}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" lines.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='COCO:
  image 1: class 1, box (20, 10, 40, 20)
  image 2: class 2, box (20, 10, 40, 20)
  image 2: class 1, box (20, 10, 40, 20)
YOLO (0.4 0.4 0.4 0.4 is this box: centre and size, of 100 x 50):
  image 1: 1 0.20000 0.20000 0.40000 0.40000
  image 2: 1 0.20000 0.20000 0.40000 0.40000, 2 0.20000 0.20000 0.40000 0.40000
COCO, after the export to YOLO:
  image 1: class 2, box (20, 10, 40, 20)
  image 2: class 1, box (20, 10, 40, 20)
  image 2: class 2, box (20, 10, 40, 20)'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
