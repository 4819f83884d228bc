#!/usr/bin/env bash
# lightly 1.6.0: EMPSSLLoss has the wrong sign: it is lower if all images have the same embedding than if they differ.
#
# EMP-SSL (Tong et al., 2023) makes the total coding rate of the embeddings large, so that images differ, and the views of an
# image alike. Both are maximized, so a loss has both with a minus; the code that the file names as its source returns the
# negative coding rate, and the negative cosine. `EMPSSLLoss` has the minus at the cosine alone, and adds the coding rate as it
# is. So who minimizes it makes the coding rate small, which is what the term is there to prevent. Nothing is said.
# lightly's own tests of it look only whether it can be computed.
#
# Who uses it takes `inv_coef * invariance_loss(z) - tcr_loss(z, eps)` of the same file, z being the stacked, normalized views.
#
# Below both losses of 64 images with 4 views: all with one embedding, and spread evenly over 16 directions (coding rates
# ln(81) / 2 = 2.20 and 8 ln(6) = 14.33; the cosine of the views is 1 in both).
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   EMPSSLLoss: all alike -197.80, spread evenly -185.67
#   the paper's: all alike -202.20, spread evenly -214.33
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check lightly==1.6.0 torch==2.15.0 torchvision==0.29.2 \
  pytorch-lightning==2.6.6 numpy==2.4.6

cat > "$work/sign.py" <<'PYTHON'
import torch
from lightly.loss.emp_ssl_loss import EMPSSLLoss, invariance_loss, tcr_loss

IMAGES, VIEWS, DIM = 64, 4, 16


def paper(views):
    """The loss of the paper's code: both the coding rate and the likeness of an image's views are to become large."""
    return 200 * invariance_loss(torch.stack(views)) - tcr_loss(torch.stack(views), eps=0.2)


losses = {"EMPSSLLoss": EMPSSLLoss(), "the paper's": paper}
alike = torch.eye(DIM)[torch.zeros(IMAGES, dtype=torch.long)]
spread = torch.eye(DIM)[torch.arange(IMAGES) % DIM]
for words, loss in losses.items():
    values = [loss([z] * VIEWS).item() for z in (alike, spread)]
    print(f"{words}: all alike {values[0]:.2f}, spread evenly {values[1]:.2f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" sign.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected="EMPSSLLoss: all alike -197.80, spread evenly -185.67
the paper's: all alike -202.20, spread evenly -214.33"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
