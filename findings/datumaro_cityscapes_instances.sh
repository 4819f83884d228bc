#!/usr/bin/env bash
# datumaro 1.13.12: of Cityscapes it does not read single objects at all, and it writes all objects of a class as one.
#
# A pixel of Cityscapes' *_instanceIds.png is the class for surfaces and for groups of objects, and 1000 times the class plus
# the number of the object for single ones, such as 26001 for a car. The documentation of datumaro's format says that the id of
# an annotation is the number of the object, and that is_crowd tells groups. But the reader
# (`plugins/data_formats/cityscapes.py`) looks for pixels that are equal to a class: roads, skies and groups come, and cars and
# persons that stand alone are left out. Whoever converts the data set as it is distributed, or counts its classes, has the
# groups only. The exporter writes the class alone (the term with 1000 is in a comment), so that all objects of a class become
# one. Nothing is said.
#
# If there are *_labelTrainIds.png, the reader takes these, which have all classes, but no objects. Else read *_instanceIds.png
# yourself.
#
# Below an image with a road, a sky, two single cars, a group of cars and a person; then a set of masks, written and read again.
#
# Seen on Linux, Python 3.11 (about 800 MB are installed for a while):
#   in the files: car 80 pixels, person 24 pixels, road 496 pixels, sky 200 pixels
#   datumaro reads: car 32 pixels (1 mask), road 496 pixels (1 mask), sky 200 pixels (1 mask)
#   masks to write: car 72 pixels (3 masks), person 24 pixels (1 mask)
#   written and read again: car 72 pixels (1 mask), person 24 pixels (1 mask); numbers in the file: 0 24 26
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datumaro==1.13.12 numpy==2.4.6

cat > "$work/cityscapes.py" <<'PYTHON'
from collections import defaultdict
from pathlib import Path

import numpy as np
from datumaro import AnnotationType, Dataset, DatasetItem, Mask
from datumaro import Image as Media
from datumaro.plugins.data_formats.cityscapes import CITYSCAPES_LABEL_MAP
from PIL import Image

ROAD, SKY, PERSON, CAR = 7, 23, 24, 26  # as in the data set
NAMES = list(CITYSCAPES_LABEL_MAP)
assert [NAMES[class_] for class_ in (ROAD, SKY, PERSON, CAR)] == ["road", "sky", "person", "car"]


def words(dataset):
    """How many pixels and masks the classes of a data set have."""
    names = [label.name for label in dataset.categories()[AnnotationType.label]]
    pixels, count = defaultdict(int), defaultdict(int)
    for item in dataset:
        for mask in item.annotations:
            pixels[names[mask.label]] += int(mask.image.sum())
            count[names[mask.label]] += 1
    return ", ".join(f"{name} {pixels[name]} pixels ({count[name]} mask{'s' * (count[name] > 1)})" for name in sorted(pixels))


ids = np.full((20, 40), ROAD, dtype=np.uint16)
ids[:5] = SKY
ids[8:12, 2:8] = 1000 * CAR
ids[8:12, 12:18] = 1000 * CAR + 1
ids[8:12, 30:38] = CAR
ids[14:20, 20:24] = 1000 * PERSON
classes = np.where(ids >= 1000, ids // 1000, ids).astype(np.uint8)
for kind, pixels in (
    ("leftImg8bit/val/ulm/ulm_000000_000019_leftImg8bit", np.zeros((20, 40, 3), dtype=np.uint8)),
    ("gtFine/val/ulm/ulm_000000_000019_gtFine_instanceIds", ids),
    ("gtFine/val/ulm/ulm_000000_000019_gtFine_labelIds", classes),
):
    path = Path(f"cityscapes/{kind}.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
counts = sorted((NAMES[class_], int(np.sum(classes == class_))) for class_ in np.unique(classes))
print("in the files: " + ", ".join(f"{name} {count} pixels" for name, count in counts))
print("datumaro reads: " + words(Dataset.import_from("cityscapes", "cityscapes")))

annotations = []
for number, (class_, left) in enumerate([(CAR, 2), (CAR, 12), (CAR, 22), (PERSON, 32)], start=1):
    mask = np.zeros((20, 40), dtype=bool)
    mask[8:12, left : left + 6] = True
    annotations.append(Mask(mask, label=class_, id=number, attributes={"is_crowd": False}))
picture = Media.from_numpy(np.zeros((20, 40, 3), dtype=np.uint8))
data = Dataset.from_iterable([DatasetItem("1", subset="val", media=picture, annotations=annotations)], categories=NAMES)
print("masks to write: " + words(data))
data.export("written", "cityscapes", label_map="cityscapes", save_media=True)
numbers = np.unique(np.array(Image.open("written/gtFine/val/1_gtFine_instanceIds.png")))
again = words(Dataset.import_from("written", "cityscapes"))
print(f"written and read again: {again}; numbers in the file: {' '.join(map(str, numbers))}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" cityscapes.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='in the files: car 80 pixels, person 24 pixels, road 496 pixels, sky 200 pixels
datumaro reads: car 32 pixels (1 mask), road 496 pixels (1 mask), sky 200 pixels (1 mask)
masks to write: car 72 pixels (3 masks), person 24 pixels (1 mask)
written and read again: car 72 pixels (1 mask), person 24 pixels (1 mask); numbers in the file: 0 24 26'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
