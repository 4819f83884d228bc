#!/usr/bin/env bash
# lightly 1.6.0: `update_drop_path_rate` in its default mode gives all blocks of a ViT but the first the highest rate.
#
# Stochastic depth drops the residual branch of a block for some of the images in training. "Linear increases the drop path
# rate from 0 to drop_path_rate over the depth of the model", says the docstring of the default, `mode="linear"`, and so do the
# papers and timm. The function computes these rates, uses them only to see which are 0, and gives each of the other
# blocks `drop_path_rate` itself. So the first blocks, whose features all others need, are dropped as often as the last, and an
# image loses nearly twice as many branches as was asked for. Training goes on, with another regularization than the
# one that is reported. Nothing is said. timm's own argument, `drop_path_rate` of `create_model`, is right.
#
# Below ViT-S/16 with a rate of 0.3: the rates of its 12 blocks, and how many of its 24 branches an image loses on average.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   timm: 0.00 0.03 0.05 0.08 0.11 0.14 0.16 0.19 0.22 0.25 0.27 0.30, 3.6 of 24 branches
#   lightly, linear: 0.00 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30, 6.6 of 24 branches
#   lightly, uniform: 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30, 7.2 of 24 branches
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 lightly==1.6.0 \
  timm==1.0.31 numpy==2.4.6 pillow==13.0.0

cat > "$work/rates.py" <<'PYTHON'
import timm
from lightly.models.utils import update_drop_path_rate


def tell(words, model):
    """The rates of all blocks."""
    paths = [path for block in model.blocks for path in (block.drop_path1, block.drop_path2)]
    rates = [getattr(path, "drop_prob", 0.0) for path in paths]
    print(f"{words}: {' '.join(f'{rate:.2f}' for rate in rates[::2])}, {sum(rates):.1f} of {len(rates)} branches")


tell("timm", timm.create_model("vit_small_patch16_224", drop_path_rate=0.3))
for mode in ("linear", "uniform"):
    model = timm.create_model("vit_small_patch16_224")
    update_drop_path_rate(model, drop_path_rate=0.3, mode=mode)
    tell(f"lightly, {mode}", model)
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" rates.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='timm: 0.00 0.03 0.05 0.08 0.11 0.14 0.16 0.19 0.22 0.25 0.27 0.30, 3.6 of 24 branches
lightly, linear: 0.00 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30, 6.6 of 24 branches
lightly, uniform: 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30 0.30, 7.2 of 24 branches'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
