#!/usr/bin/env bash
# webdataset 1.0.2 with Pillow 13.0.0 decodes images of 16 bits as white.
#
# `TarWriter` writes an array of uint16 under "png" as a PNG of 16 bits, without loss. Every decoder for images of the same
# package ("pil", "rgb8", "rgb", "l8" and the like) then has Pillow convert it to RGB or gray, which cuts values off at 255
# instead of scaling them. Satellite and X-ray images of 10 to 16 bits have hardly any value below 255, so all of their
# pixels are white: pretraining on such shards goes on, without a word, on images that show nothing. The documentation of
# the decoders names the types of the result (uint8, float), not that values are cut off. Read the bytes (no decoder, or
# one of your own) and scale them.
#
# Seen on Linux, Python 3.11, an image with values from 300 to 4000:
#   in the shard: 300 to 4000
#   pil: 255 to 255
#   rgb8: 255 to 255
#   l8: 255 to 255
#   rgb: 1 to 1
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check webdataset==1.0.2 pillow==13.0.0 numpy==2.2.6

cat > "$work/round_trip.py" <<'PYTHON'
import io
import sys

import numpy as np
import webdataset
from PIL import Image

shard = f"{sys.argv[1]}/shard.tar"
image = np.linspace(300, 4000, 64 * 64).astype(np.uint16).reshape(64, 64)
with webdataset.TarWriter(shard) as writer:
    writer.write({"__key__": "a", "png": image})


def show(words, pixels):
    print(f"{words}: {pixels.min():g} to {pixels.max():g}")


data = webdataset.WebDataset(shard, shardshuffle=False)
show("in the shard", np.asarray(Image.open(io.BytesIO(next(iter(data))["png"]))))
for decoder in ("pil", "rgb8", "l8", "rgb"):
    show(decoder, np.asarray(next(iter(data.decode(decoder)))["png"]))
PYTHON

seen="$("$work/venv/bin/python" "$work/round_trip.py" "$work" 2>/dev/null)"
echo "$seen"
expected="in the shard: 300 to 4000
pil: 255 to 255
rgb8: 255 to 255
l8: 255 to 255
rgb: 1 to 1"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
