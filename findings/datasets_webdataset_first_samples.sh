#!/usr/bin/env bash
# datasets 5.2.0: load_dataset("webdataset") drops what the first five samples do not have, and makes 0 of a score of 0.9.
#
# The builder takes the columns and their types from the first five samples of the first shard
# (`packaged_modules/webdataset/webdataset.py`). What later ones have besides, a file such as a mask or a key of the JSON such
# as iscrowd, is left out. And `Value.encode_example` calls int() on whatever should be a whole number by the first five: if
# their boxes are in whole pixels, the coordinates of all later boxes are truncated, as long as this changes the first
# coordinate; if it changes only another one, loading fails (of a list the first element alone tells whether it is encoded). A
# mask in some of the first five samples is an error as well. So the order of the samples decides between complete data, less
# data, other numbers and an error, and only the error is seen.
#
# Pass features=Features(...) with all columns and types.
#
# Below five samples with an image and {"bbox": [10, 20, 30, 40], "score": 1}, and what comes back of a sixth one.
#
# Seen on Linux, Python 3.11:
#   sixth as the others: bbox 10 20 30 40, score 1, no mask
#   sixth with a score of 0.9: bbox 10 20 30 40, score 0, no mask
#   sixth with a bbox of 11.6 20.7 30.8 40.9: bbox 11 20 30 40, score 1, no mask
#   sixth with a bbox of 11 20.7 30.8 40.9: ArrowInvalid
#   sixth with "iscrowd": 1: bbox 10 20 30 40, score 1, no mask
#   sixth with a mask: bbox 10 20 30 40, score 1, no mask
#   second and sixth with a mask: ValueError
#   sixth with all, features given: bbox 11.6 20.7 30.8 40.9, score 0.9, iscrowd 1, mask
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 pyarrow==26.0.1 pillow==13.0.0

cat > "$work/first.py" <<'PYTHON'
import io
import json
import tarfile

from datasets import Features, Image, List, Value, load_dataset
from PIL import Image as Picture

FIRST = {"bbox": [10, 20, 30, 40], "score": 1}
buffer = io.BytesIO()
Picture.new("L", (4, 4)).save(buffer, "png")
PICTURE = buffer.getvalue()


def tell(words, masks=(), features=None, **sixth):
    """Write six samples, the last of which has other values, and read them; `masks` are the numbers of those with a mask."""
    with tarfile.open("shard.tar", "w") as file:
        for number in range(1, 7):
            text = json.dumps(FIRST | sixth if number == 6 else FIRST).encode()
            members = {"png": PICTURE, "json": text} | ({"mask.png": PICTURE} if number in masks else {})
            for suffix, content in members.items():
                member = tarfile.TarInfo(f"{number:04}.{suffix}")
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    try:
        rows = load_dataset("webdataset", data_files="shard.tar", split="train", features=features)
    except Exception as error:
        while error.__cause__ is not None:
            error = error.__cause__
        print(f"{words}: {type(error).__name__}")
        return
    last = rows[5]
    parts = [f"bbox {' '.join(map(str, last['json'].pop('bbox')))}"]
    parts += [f"{key} {value}" for key, value in last["json"].items()]
    print(f"{words}: {', '.join(parts)}, {'mask' if last.get('mask.png') else 'no mask'}")


tell("sixth as the others")
tell("sixth with a score of 0.9", score=0.9)
tell("sixth with a bbox of 11.6 20.7 30.8 40.9", bbox=[11.6, 20.7, 30.8, 40.9])
tell("sixth with a bbox of 11 20.7 30.8 40.9", bbox=[11, 20.7, 30.8, 40.9])
tell('sixth with "iscrowd": 1', iscrowd=1)
tell("sixth with a mask", masks=(6,))
tell("second and sixth with a mask", masks=(2, 6))
number = Value("float64")
columns = {"bbox": List(number), "score": number, "iscrowd": Value("int64")}
features = Features({"png": Image(), "mask.png": Image(), "json": columns})
tell("sixth with all, features given", (6,), features, bbox=[11.6, 20.7, 30.8, 40.9], score=0.9, iscrowd=1)
PYTHON

cd "$work"
seen="$(HF_HOME="$work/hf" HF_HUB_OFFLINE=1 "$work/venv/bin/python" first.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='sixth as the others: bbox 10 20 30 40, score 1, no mask
sixth with a score of 0.9: bbox 10 20 30 40, score 0, no mask
sixth with a bbox of 11.6 20.7 30.8 40.9: bbox 11 20 30 40, score 1, no mask
sixth with a bbox of 11 20.7 30.8 40.9: ArrowInvalid
sixth with "iscrowd": 1: bbox 10 20 30 40, score 1, no mask
sixth with a mask: bbox 10 20 30 40, score 1, no mask
second and sixth with a mask: ValueError
sixth with all, features given: bbox 11.6 20.7 30.8 40.9, score 0.9, iscrowd 1, mask'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
