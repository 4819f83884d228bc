#!/usr/bin/env bash
# sahi 0.12.8: merge and merge_from_file drop the objects of classes that only the second file has, and keep their images.
#
# Both functions promise to combine two COCO files. If their categories differ and no mapping is given (`merge_from_file`
# cannot be given one), `merge` takes the categories of the first file for the mapping of the second: objects of all other
# classes are left out. Their images stay, so that a detector learns these objects as background, and the order of the two
# files decides which classes exist. Nothing is said. `merge_from_list` of the same two files keeps all classes (and numbers
# them from 0); so does `merge` with `desired_name2id`.
#
# Below two files of two images each, one with cars and persons, one with persons and dogs.
#
# Seen on Linux, Python 3.11 (about 400 MB are installed for a while):
#   first file: 1: car person, 2: car person
#   second file: 1: person dog, 2: person dog
#   merge_from_file: 1: car person, 2: car person, 3: person, 4: person
#   merge_from_file, other order: 1: person dog, 2: person dog, 3: person, 4: person
#   merge_from_list: 1: car person, 2: car person, 3: person dog, 4: person dog
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check sahi==0.12.8 numpy==2.4.6

cat > "$work/merge.py" <<'PYTHON'
import json

from sahi.utils.coco import merge_from_file, merge_from_list


def data(*names):
    """Two images, each with an object of each class."""
    box = {"bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0, "segmentation": []}
    pairs = [(image, class_) for image in (1, 2) for class_ in range(1, len(names) + 1)]
    return {
        "images": [{"id": image, "file_name": f"{names[-1]}{image}.jpg", "width": 99, "height": 99} for image in (1, 2)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
        "annotations": [
            {"id": number, "image_id": image, "category_id": class_, **box}
            for number, (image, class_) in enumerate(pairs, 1)
        ],
    }


def show(words, merged):
    """The classes of the objects of each image; images are counted from 1."""
    names = {category["id"]: category["name"] for category in merged["categories"]}
    found = []
    for number, image in enumerate(merged["images"], 1):
        objects = [names[one["category_id"]] for one in merged["annotations"] if one["image_id"] == image["id"]]
        found.append(f"{number}: {' '.join(objects)}")
    print(f"{words}: {', '.join(found)}")


first, second = data("car", "person"), data("person", "dog")
for name, one in (("first", first), ("second", second)):
    with open(f"{name}.json", "w") as file:
        json.dump(one, file)
    show(f"{name} file", one)
for words, files in (("", ("first", "second")), (", other order", ("second", "first"))):
    merge_from_file(f"{files[0]}.json", f"{files[1]}.json", "merged.json")
    with open("merged.json") as file:
        show(f"merge_from_file{words}", json.load(file))
show("merge_from_list", merge_from_list([first, second], verbose=0))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" merge.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='first file: 1: car person, 2: car person
second file: 1: person dog, 2: person dog
merge_from_file: 1: car person, 2: car person, 3: person, 4: person
merge_from_file, other order: 1: person dog, 2: person dog, 3: person, 4: person
merge_from_list: 1: car person, 2: car person, 3: person dog, 4: person dog'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
