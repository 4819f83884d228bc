#!/usr/bin/env bash
# ema-pytorch 0.8.3: forward_eval() does not evaluate: dropout is on, images depend on the batch, and BatchNorm learns.
#
# The comment of `EMA.forward_eval` promises the averaged model with no gradients and in eval mode. It turns gradients off,
# remembers the mode, calls the model and sets the remembered mode, but never changes it between. The average is a copy of the
# model, which is in train mode as a rule. So dropout drops, BatchNorm normalizes by the batch (an image's result depends on
# the images beside it), and the running statistics of the average move to the images that it is validated with. It is known
# (issue 38, open). `ema(images)`, as the README has it, is in train mode too.
#
# Call `ema.eval()` first; then both are right, until something calls `ema.train()`.
#
# Below BatchNorm alone, for two images of one value (1 and 3), alone and beside two others (5 and 7).
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   forward_eval: -1.00 1.00
#   forward_eval, two others beside them: -1.34 -0.45
#   ema.eval() before: 1.00 3.00
#   ema.eval() after those two: 0.33 1.88
#   forward_eval with dropout, called twice: the same is False
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 ema-pytorch==0.8.3 numpy==2.4.6

cat > "$work/forward.py" <<'PYTHON'
import torch
from ema_pytorch import EMA


def averaged(model):
    ema = EMA(model, beta=0.99, update_after_step=0, update_every=1)
    ema.update()
    return ema


def tell(words, result):
    print(f"{words}: {' '.join(f'{value:.2f}' for value in result[:2].flatten().tolist())}")


two, four = torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [3.0], [5.0], [7.0]])
ema = averaged(torch.nn.BatchNorm1d(1))
tell("forward_eval", ema.forward_eval(two))
tell("forward_eval, two others beside them", ema.forward_eval(four))
other = averaged(torch.nn.BatchNorm1d(1))
other.eval()
tell("ema.eval() before", other.forward_eval(two))
ema.eval()
tell("ema.eval() after those two", ema.forward_eval(two))
ema = averaged(torch.nn.Sequential(torch.nn.Linear(1, 1000), torch.nn.Dropout()))
print(f"forward_eval with dropout, called twice: the same is {torch.equal(ema.forward_eval(two), ema.forward_eval(two))}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" forward.py)"
echo "$seen"
expected='forward_eval: -1.00 1.00
forward_eval, two others beside them: -1.34 -0.45
ema.eval() before: 1.00 3.00
ema.eval() after those two: 0.33 1.88
forward_eval with dropout, called twice: the same is False'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
