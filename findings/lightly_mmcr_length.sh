#!/usr/bin/env bash
# lightly 1.6.0: MMCRLoss does not normalize embeddings: it falls with their length, and needs no likeness of the views.
#
# MMCR (Yerxa et al., 2023) puts the embeddings on the unit sphere, and maximizes the nuclear norm of the images' mean
# embeddings. The mean of an image's views is as long as they are only if they agree, and the norm is largest if the images
# differ. The authors' loss normalizes its input first. lightly's `MMCRLoss` does not, `MMCRProjectionHead` ends with a linear
# layer, and the example in lightly's repository passes its output to the loss as it is. Without it the loss has no lower
# bound: ten times longer embeddings have a ten times lower loss, and longer ones that are all the same, or of views that have
# nothing in common, win over perfect ones of length 1. The docstring does not say that the input must be normalized.
#
# Who uses it normalizes both inputs: `loss(normalize(online, dim=-1), normalize(momentum, dim=-1))`.
#
# Below 16 images with 2 views, each with a direction of its own; with the same direction for all; and with another image's
# direction in the second view.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   perfect: -15.99, ten times longer: -159.90
#   all images alike: -3.99, ten times longer: -39.90
#   views without likeness: -10.14, ten times longer: -101.39
#   normalized, ten times longer: perfect -15.99, all images alike -3.99, views without likeness -10.14
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check lightly==1.6.0 torch==2.15.0 torchvision==0.29.2 \
  pytorch-lightning==2.6.6 numpy==2.4.6

cat > "$work/length.py" <<'PYTHON'
import torch
from lightly.loss.mmcr_loss import MMCRLoss
from torch.nn.functional import normalize

loss = MMCRLoss()
own = torch.eye(16)
same = own[torch.zeros(16, dtype=torch.long)]
cases = {
    "perfect": torch.stack([own, own], dim=1),
    "all images alike": torch.stack([same, same], dim=1),
    "views without likeness": torch.stack([own, own.roll(1, dims=0)], dim=1),
}
for words, z in cases.items():
    print(f"{words}: {loss(z, z).item():.2f}, ten times longer: {loss(10 * z, 10 * z).item():.2f}")
unit = {words: normalize(10 * z, dim=-1) for words, z in cases.items()}
print("normalized, ten times longer: " + ", ".join(f"{words} {loss(z, z).item():.2f}" for words, z in unit.items()))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" length.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='perfect: -15.99, ten times longer: -159.90
all images alike: -3.99, ten times longer: -39.90
views without likeness: -10.14, ten times longer: -101.39
normalized, ten times longer: perfect -15.99, all images alike -3.99, views without likeness -10.14'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
