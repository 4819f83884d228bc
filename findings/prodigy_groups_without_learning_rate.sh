#!/usr/bin/env bash
# prodigyopt 1.1.2, dadaptation 3.2 and pytorch-optimizer 4.1.0: parameters whose learning rate is 0 go on moving.
#
# Prodigy and D-Adaptation find the learning rate themselves; "lr" scales it. Who freezes a part of a model gives its group an
# lr of 0. The first two packages raise an error for groups with different lr, "only supported for values of 0". For such a
# group they skip the averages of the gradients, but not the step: the parameters go on along the average as it was, each step
# as far as the one before, whatever the gradients say, and decoupled weight decay is scaled by the largest lr of all groups.
# So a backbone that is frozen in the middle of a run leaves its place in a straight line, and one that is frozen from the
# start decays to zero. Prodigy of pytorch-optimizer (and its DAdapt optimizers) uses the lr and the betas of the first group
# for all; the lr of the others is never looked at, and no error is raised. The scheduler's last_lr shows 0 all the time.
#
# Set requires_grad to False (and the gradient to None) in place of the lr, or leave the parameters out of the optimizer.
#
# Below a backbone and a head of 4 weights (float64) each, which begin at 1 and are pulled to 3. "Frozen" is the backbone with
# lr 0 after step 50, for 100 steps more; "decay" is the backbone with lr 0 from the start and weight decay 0.1, after 300.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   AdamW of torch: frozen at 3.1 it is then at 3.1, decay 1.0 to 1.0
#   Prodigy of prodigyopt: frozen at 2.8 it is then at -17.6, decay 1.0 to 0.0
#   DAdaptAdam of dadaptation: frozen at 3.1 it is then at 11.0
#   Prodigy of pytorch-optimizer: frozen at 2.8 it is then at 3.0, decay 1.0 to 2.9
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 prodigyopt==1.1.2 dadaptation==3.2 \
  pytorch-optimizer==4.1.0 numpy==2.4.6

cat > "$work/frozen.py" <<'PYTHON'
import contextlib
import os

import prodigyopt
import pytorch_optimizer
import torch
from dadaptation import DAdaptAdam


def backbone(build, steps, freeze_at):
    """The backbone's weight when its lr becomes 0, and after the last step."""
    head, frozen = (torch.nn.Parameter(torch.ones(4, dtype=torch.float64)) for _ in range(2))
    optimizer = build([{"params": [head]}, {"params": [frozen]}])
    before = None
    for step in range(steps):
        if step == freeze_at:
            optimizer.param_groups[1]["lr"] = 0.0
            before = frozen[0].item()
        optimizer.zero_grad()
        (((head - 3) ** 2).sum() + ((frozen - 3) ** 2).sum()).backward()
        optimizer.step()
    return before, frozen[0].item()


def tell(name, build, decay=None):
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
        before, after = backbone(build, 150, 50)
        words = f"frozen at {before:.1f} it is then at {after:.1f}"
        if decay:
            words += ", decay {:.1f} to {:.1f}".format(*backbone(decay, 300, 0))
    print(f"{name}: {words}")


def adamw(decay):
    return lambda groups: torch.optim.AdamW(groups, lr=0.1, weight_decay=decay)


def prodigy(package, decay):
    return lambda groups: package.Prodigy(groups, weight_decay=decay)


tell("AdamW of torch", adamw(0), adamw(0.1))
tell("Prodigy of prodigyopt", prodigy(prodigyopt, 0), prodigy(prodigyopt, 0.1))
tell("DAdaptAdam of dadaptation", DAdaptAdam)
tell("Prodigy of pytorch-optimizer", prodigy(pytorch_optimizer, 0.0), prodigy(pytorch_optimizer, 0.1))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" frozen.py)"
echo "$seen"
expected='AdamW of torch: frozen at 3.1 it is then at 3.1, decay 1.0 to 1.0
Prodigy of prodigyopt: frozen at 2.8 it is then at -17.6, decay 1.0 to 0.0
DAdaptAdam of dadaptation: frozen at 3.1 it is then at 11.0
Prodigy of pytorch-optimizer: frozen at 2.8 it is then at 3.0, decay 1.0 to 2.9'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
