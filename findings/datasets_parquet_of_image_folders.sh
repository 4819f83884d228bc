#!/usr/bin/env bash
# datasets 5.2.0 (Hugging Face) exports an image folder to a Parquet file that has no images.
#
# `load_dataset("imagefolder")` keeps the path of each image, not its bytes. `Dataset.to_parquet()` writes this as it
# is: the struct of the image has null for "bytes" and an absolute path of this machine for "path". `save_to_disk()` and
# `download_and_prepare(file_format="parquet")` of the same package put the bytes in, and so does `push_to_hub()` by its
# documentation. The documentation of `to_parquet()` does not name images, and nothing is said when the file is written
# or read. Only at the first image does it end with an error, once the file is on another machine or the folder has
# moved; if another image is at the path by then, that one is read without a word. So take one of the others to pass
# images on.
#
# Seen on Linux, Python 3.11, a folder with one red image, which then moves; at last a blue one is put in its place:
#   to_parquet: no bytes, absolute path
#   download_and_prepare: bytes, relative path
#   save_to_disk: bytes, relative path
#   to_parquet, warnings: 0
#   to_parquet, folder moved: 1 row, FileNotFoundError
#   to_parquet, another image there: blue
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 pyarrow==26.0.1 pillow==13.0.0

cat > "$work/export.py" <<'PYTHON'
import logging
import sys
import warnings
from pathlib import Path

import pyarrow.parquet
from datasets import Dataset, load_dataset, load_dataset_builder
from datasets.utils.logging import get_logger
from PIL import Image

work = Path(sys.argv[1])
image = work / "images/cat/a.png"


def paint(color):
    image.parent.mkdir(parents=True)
    Image.new("RGB", (8, 8), color).save(image)


def show(name, row):
    path = "absolute path" if Path(row["path"]).is_absolute() else "relative path"
    print(f"{name}: {'no bytes' if row['bytes'] is None else 'bytes'}, {path}")


class Count(logging.Handler):
    seen = 0

    def emit(self, record):
        self.seen += record.levelno >= logging.WARNING


paint("red")
source = {"path": "imagefolder", "data_dir": str(work / "images"), "cache_dir": str(work / "cache")}
data = load_dataset(**source, split="train")
table = work / "table.parquet"
count = Count()
get_logger().addHandler(count)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    data.to_parquet(str(table))
show("to_parquet", pyarrow.parquet.read_table(table)["image"][0].as_py())

load_dataset_builder(**source).download_and_prepare(str(work / "prepared"), file_format="parquet")
written = next((work / "prepared").glob("*.parquet"))
show("download_and_prepare", pyarrow.parquet.read_table(written)["image"][0].as_py())

data.save_to_disk(str(work / "saved"))
show("save_to_disk", Dataset.load_from_disk(str(work / "saved")).with_format("arrow")[0]["image"][0].as_py())

(work / "images").rename(work / "moved")
with warnings.catch_warnings(record=True) as more:
    warnings.simplefilter("always")
    read = load_dataset("parquet", data_files=str(table), split="train", cache_dir=str(work / "cache"))
print("to_parquet, warnings:", len(caught) + len(more) + count.seen)
try:
    seen = read[0]["image"]
except Exception as error:
    seen = error
print(f"to_parquet, folder moved: {len(read)} row, {type(seen).__name__}")
paint("blue")
print("to_parquet, another image there:", "blue" if read[0]["image"].getpixel((0, 0)) == (0, 0, 255) else "red")
PYTHON

seen="$(HF_HUB_OFFLINE=1 HF_HOME="$work/home" "$work/venv/bin/python" "$work/export.py" "$work" 2>/dev/null)"
echo "$seen"
expected="to_parquet: no bytes, absolute path
download_and_prepare: bytes, relative path
save_to_disk: bytes, relative path
to_parquet, warnings: 0
to_parquet, folder moved: 1 row, FileNotFoundError
to_parquet, another image there: blue"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
