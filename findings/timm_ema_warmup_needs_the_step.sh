#!/usr/bin/env bash
# timm 1.0.31: `use_warmup` and `update_after_step` of ModelEmaV3 have no effect if `update` is not told the step.
#
# A moving average that begins with the untrained model needs a warmup in a short run: with a decay of 0.9999 the
# untrained weights still make 90% of it after 1,000 updates. `ModelEmaV3(model, use_warmup=True)` has a warmup, and the
# docstring explains its formula. Training loops call `ema.update(model)`, as with ModelEmaV2, which has no warmup, and with
# `AveragedModel` of torch, which counts its updates itself. Here the step is an optional argument of `update`. Without it,
# both options are passed over: the decay is 0.9999 from the first update on. The docstring does not name the argument,
# and nothing is said. So the model that is validated, by which the best checkpoint is chosen, and which is kept, is
# for the most part the one before the training; a new head in it is for the most part random. timm's own training
# script gives the step. Call `ema.update(model, step=step)`, with a step that goes on after a resume. (With a step the
# first update copies the weights, whatever the options are.)
#
# Below a model whose only weight was 0 when the average was made, and is 1 at all 1,000 updates: its average.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   no option, update(model): 0.10
#   no option, update(model, step=step): 1.00
#   use_warmup=True, update(model): 0.10
#   use_warmup=True, update(model, step=step): 1.00
#   update_after_step=500, update(model): 0.10
#   update_after_step=500, update(model, step=step): 1.00
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 timm==1.0.31 numpy==2.4.6

cat > "$work/warmup.py" <<'PYTHON'
import torch
from timm.utils import ModelEmaV3

for options in ({}, {"use_warmup": True}, {"update_after_step": 500}):
    for with_step in (False, True):
        model = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(model.weight)
        average = ModelEmaV3(model, **options)
        torch.nn.init.ones_(model.weight)
        for step in range(1, 1001):
            average.update(model, **({"step": step} if with_step else {}))
        words = ", ".join(f"{name}={value}" for name, value in options.items()) or "no option"
        call = "update(model, step=step)" if with_step else "update(model)"
        print(f"{words}, {call}: {average.module.weight.item():.2f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" warmup.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='no option, update(model): 0.10
no option, update(model, step=step): 1.00
use_warmup=True, update(model): 0.10
use_warmup=True, update(model, step=step): 1.00
update_after_step=500, update(model): 0.10
update_after_step=500, update(model, step=step): 1.00'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
