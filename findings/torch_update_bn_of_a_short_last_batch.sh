#!/usr/bin/env bash
# torch 2.15.0: for `update_bn` a last batch of one image weighs as much as a full one in the statistics of BatchNorm.
#
# After an average of weights (SWA, EMA) BatchNorm needs new statistics. `torch.optim.swa_utils.update_bn` makes "one pass
# over data in `loader` to estimate the activation statistics", and one expects those of the data. It sets the momentum
# of each norm to None, the plain mean over batches, whatever their size. A `DataLoader` keeps a short last batch by
# default: of 65 images in batches of 64 the last one makes half of the mean and of the variance. (What the means of the
# batches differ by is not in the variance either; with few batches, or with data in order, that is a good part of it.)
# With a large data set it makes no difference, with a few hundred images and large batches it does. Nothing is
# said. Pass a loader that shuffles and has `drop_last=True`, or a batch size that divides the number of images.
#
# Below 65 images, of which the last one is bright: the statistics of a norm that sees them, and those of the data.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   batches of 65: mean 0.06, variance 2.09
#   batches of 13: mean 0.06, variance 2.05
#   batches of 64: mean 2.00, variance 1.41
#   batches of 64, drop_last=True: mean -0.01, variance 1.86
#   the data: mean 0.06, variance 2.09
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6

cat > "$work/update.py" <<'PYTHON'
import torch
from torch.optim.swa_utils import update_bn
from torch.utils.data import DataLoader

random = torch.Generator().manual_seed(0)
images = torch.randn(65, 1, 8, 8, generator=random) + torch.randn(65, 1, 1, 1, generator=random)
images[-1] += 4 - images[-1].mean()  # the last one is bright
for size, drop_last in ((65, False), (13, False), (64, False), (64, True)):
    norm = torch.nn.BatchNorm2d(1)
    update_bn(DataLoader(images, batch_size=size, drop_last=drop_last), norm)
    words = f"batches of {size}{', drop_last=True' if drop_last else ''}"
    print(f"{words}: mean {norm.running_mean.item():.2f}, variance {norm.running_var.item():.2f}")
print(f"the data: mean {images.mean():.2f}, variance {images.var():.2f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" update.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='batches of 65: mean 0.06, variance 2.09
batches of 13: mean 0.06, variance 2.05
batches of 64: mean 2.00, variance 1.41
batches of 64, drop_last=True: mean -0.01, variance 1.86
the data: mean 0.06, variance 2.09'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
