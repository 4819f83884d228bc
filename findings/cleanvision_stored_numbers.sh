#!/usr/bin/env bash
# cleanvision 0.3.7 judges the numbers that a file stores, not the picture that they stand for.
#
# It finds images that are dark, light, gray, or duplicates "in any collection of image files", and takes the pixels as
# Pillow has opened them. Of a PNG or GIF with a palette these are positions in the palette: any picture with a palette
# of up to 82 colors is "dark", a white page as well, and two pictures that differ in their colors alone are "exact
# duplicates", so who deletes all but one of a set loses a picture. 16 bits are divided by 255 as 8 bits are: an X-ray
# or satellite image is "light" as soon as 95% of it are above 242 of 65,535, a nearly black one too. For "grayscale"
# ("images lacking color") only the type of the file is looked at: gray pictures stored as RGB, as many JPEGs are, with
# a palette, or with 16 bits are not found. And one gray PNG with transparency ends the audit of all images with an
# IndexError. Neither README nor tutorial names any of this, and no message does. Convert the images to RGB first (scale
# those of 16 bits), give Imagelab what you have converted, and look for gray by comparing the channels.
#
# The pairs below have the same pixels once they are converted, except for 16 bits (the same shares of the maximum).
#
# Seen on Linux, Python 3.11, Pillow 13.0.0:
#   white page as RGB: light
#   white page as palette: dark
#   color chart as RGB: none
#   color chart as palette: dark
#   gray photograph as 8 bits: grayscale
#   gray photograph as RGB: none
#   gray photograph as palette: none
#   gray photograph as 16 bits: light
#   black photograph as 8 bits: dark, grayscale
#   black photograph as 16 bits: light
#   exact duplicates: blue sign and red sign
#   gray photograph with transparency: IndexError
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  cleanvision==0.3.7 imagehash==4.3.2 numpy==2.4.6 pandas==3.1.1 pillow==13.0.0

cat > "$work/audit.py" <<'PYTHON'
import contextlib
import io
import sys
from pathlib import Path

import numpy as np
from cleanvision import Imagelab
from PIL import Image

ISSUES = ["dark", "light", "grayscale"]
work = Path(sys.argv[1])
y, x = np.mgrid[:96, :128]


def palette(image):
    """The same picture with a palette, its colors in the order in which they appear."""
    colors, places = np.unique(np.asarray(image).reshape(-1, 3), axis=0, return_inverse=True)
    first = np.argsort(np.unique(places, return_index=True)[1])
    stored = Image.fromarray(np.argsort(first)[places].astype(np.uint8).reshape(image.height, image.width), "L")
    stored.putpalette(colors[first].tobytes())
    assert np.array_equal(stored.convert("RGB"), image)
    return stored


def sixteen_bits(image):
    return Image.fromarray(np.asarray(image).astype(np.uint16) * 257)  # 255 becomes 65,535


def audit(images):
    folder = work / f"images{len(list(work.glob('images*')))}"
    folder.mkdir()
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    lab = Imagelab(data_path=str(folder), verbose=False)
    with contextlib.redirect_stdout(io.StringIO()):
        lab.find_issues({issue: {} for issue in [*ISSUES, "exact_duplicates"]}, n_jobs=1, verbose=False)
    return folder, lab


page = Image.new("RGB", (128, 96), "white")
page.paste("#303030", (20, 20, 60, 21))  # a line of text
chart = Image.fromarray(np.stack([x // 16 * 36, y // 12 * 36, np.full_like(x, 128)], axis=-1).astype(np.uint8))
gray = Image.fromarray((127 + 100 * np.sin(x / 9) * np.cos(y / 7)).astype(np.uint8))
black = Image.fromarray((np.asarray(gray) // 16).astype(np.uint8))
sign = {color: Image.new("RGB", (128, 96), "white") for color in ("blue", "red")}
for color, image in sign.items():
    image.paste(color, (32, 24, 96, 72))
images = {
    "white page as RGB": page,
    "white page as palette": palette(page),
    "color chart as RGB": chart,
    "color chart as palette": palette(chart),
    "gray photograph as 8 bits": gray,
    "gray photograph as RGB": gray.convert("RGB"),
    "gray photograph as palette": palette(gray.convert("RGB")),
    "gray photograph as 16 bits": sixteen_bits(gray),
    "black photograph as 8 bits": black,
    "black photograph as 16 bits": sixteen_bits(black),
}
signs = {f"{color} sign": palette(image) for color, image in sign.items()}
folder, lab = audit(images | signs)
for name in images:
    row = lab.issues.loc[str(folder / f"{name}.png")]
    print(f"{name}:", ", ".join(issue for issue in ISSUES if row[f"is_{issue}_issue"]) or "none")
for one in lab.info["exact_duplicates"]["sets"]:
    print("exact duplicates:", " and ".join(Path(path).stem for path in one))
try:
    audit({"gray photograph with transparency": gray.convert("LA")})
except IndexError as error:
    print("gray photograph with transparency:", type(error).__name__)
PYTHON

seen="$("$work/venv/bin/python" "$work/audit.py" "$work" 2> "$work/errors.txt")" || { cat "$work/errors.txt" >&2; exit 1; }
echo "$seen"
expected="white page as RGB: light
white page as palette: dark
color chart as RGB: none
color chart as palette: dark
gray photograph as 8 bits: grayscale
gray photograph as RGB: none
gray photograph as palette: none
gray photograph as 16 bits: light
black photograph as 8 bits: dark, grayscale
black photograph as 16 bits: light
exact duplicates: blue sign and red sign
gray photograph with transparency: IndexError"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
