#!/usr/bin/env bash
# mosaicml-streaming 0.13.0, litdata 0.2.76 and datasets 5.2.0 store the file that an image was opened from, not the image.
#
# Each of them takes Pillow images. For a JPEG that still knows its file (`Image.open` remembers the name) litdata, and
# mosaicml-streaming in a column of type "jpeg", read that file again, so as not to compress it twice; datasets keeps the path
# of any such image instead of its pixels. But Pillow has methods that change an image in place, and the name stays:
# `thumbnail`, `paste`, `putpixel`, and all that `ImageDraw` draws. What was done by them is silently lost: images come back
# at full size, and faces or license plates that were painted over come back as they were. Methods that return a new
# image (`resize`, `crop`, `copy`) are safe, as a new image knows no file. webdataset 1.0.2 compresses what it is given.
#
# Below a photograph of 600 x 400 pixels is opened twice: once made a thumbnail of 150 x 100, once painted black.
#
# Seen on Linux, Python 3.11 (about 8 GB are installed for a while):
#   webdataset: the thumbnail has 150 x 100 pixels, the black image is black
#   datasets: the thumbnail has 600 x 400 pixels, the black image is not black
#   mosaicml_streaming: the thumbnail has 600 x 400 pixels, the black image is not black
#   litdata: the thumbnail has 600 x 400 pixels, the black image is not black
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv-light"
"$work/venv-light/bin/pip" install --quiet --disable-pip-version-check webdataset==1.0.2 datasets==5.2.0 pillow==13.0.0 numpy==2.4.6
python3 -m venv "$work/venv-torch"
"$work/venv-torch/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 mosaicml-streaming==0.13.0 \
  litdata==0.2.76 pillow==13.0.0

cat > "$work/write.py" <<'PYTHON'
import io
import sys

import numpy as np
from PIL import Image, ImageDraw


def edited(number):
    """The photograph, as a thumbnail or painted black, both in place."""
    image = Image.open("photo.jpg")
    if number == 0:
        image.thumbnail((150, 150))
    else:
        ImageDraw.Draw(image).rectangle((0, 0, 600, 400), fill=(0, 0, 0))
    return {"image": image}


def by_webdataset():
    import webdataset

    with webdataset.TarWriter("photos.tar") as writer:
        for number in (0, 1):
            writer.write({"__key__": str(number), "jpg": edited(number)["image"]})
    shard = webdataset.WebDataset("photos.tar", shardshuffle=False)
    return [Image.open(io.BytesIO(sample["jpg"])) for sample in shard]


def by_datasets():
    import datasets

    images = {"image": [edited(number)["image"] for number in (0, 1)]}
    stored = datasets.Dataset.from_dict(images, features=datasets.Features({"image": datasets.Image()}))
    return stored["image"][:]


def by_mosaicml_streaming():
    from streaming import MDSWriter, StreamingDataset

    with MDSWriter(out="mds", columns={"image": "jpeg"}) as writer:
        for number in (0, 1):
            writer.write(edited(number))
    stored = StreamingDataset(local="mds", batch_size=1)
    return [stored[number]["image"] for number in (0, 1)]


def by_litdata():
    import litdata

    litdata.optimize(fn=edited, inputs=[0, 1], output_dir="lit", chunk_bytes="64MB", num_workers=1)
    stored = litdata.StreamingDataset("lit")
    return [stored[number]["image"].permute(1, 2, 0) for number in (0, 1)]


if __name__ == "__main__":
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), np.uint8)
    Image.fromarray(noise).save("photo.jpg", quality=95)
    for name in sys.argv[1:]:
        thumbnail, black = map(np.asarray, globals()[f"by_{name}"]())
        height, width = thumbnail.shape[:2]
        painted = "black" if black.max() < 8 else "not black"
        print(f"{name}: the thumbnail has {width} x {height} pixels, the black image is {painted}")
PYTHON

cd "$work"
venv-light/bin/python write.py webdataset datasets > out.txt 2> errors.txt || { cat errors.txt >&2; exit 1; }
venv-torch/bin/python write.py mosaicml_streaming litdata >> out.txt 2> errors.txt || { cat errors.txt >&2; exit 1; }
seen="$(grep thumbnail out.txt)"
echo "$seen"
expected='webdataset: the thumbnail has 150 x 100 pixels, the black image is black
datasets: the thumbnail has 600 x 400 pixels, the black image is not black
mosaicml_streaming: the thumbnail has 600 x 400 pixels, the black image is not black
litdata: the thumbnail has 600 x 400 pixels, the black image is not black'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
