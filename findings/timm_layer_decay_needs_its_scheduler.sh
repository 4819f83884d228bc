#!/usr/bin/env bash
# timm 1.0.31: `create_optimizer_v2(layer_decay=...)` does not change the learning rates if the scheduler is not timm's.
#
# Who fine-tunes a pretrained ViT lets its first blocks learn more slowly than its last. "If provided, learning rates
# will be scaled by layer_decay^(max_depth - layer_depth)", says the docstring of `create_optimizer_v2`, and one of its
# examples is a model, 'adam', lr=1e-3 and layer_decay=0.7. The optimizer that comes back has groups of parameters
# with a key "lr_scale", which no optimizer reads, and one learning rate for all of them. Only timm's own schedulers multiply
# by that key. With a scheduler of torch, or without one, the network trains as if nothing had been asked for: with 0.7
# the first layer of a ViT with 12 blocks learns about 100 times as fast as the configuration says. Nothing is said.
# (A docstring of timm's schedulers has a word of it: "constant" is with "lr_scale" applied, "none" leaves the rates
# untouched. Pull request 2532 would have set the rates themselves; it was closed.) Multiply "lr" of each group by its
# "lr_scale" once, before a scheduler of torch is made.
#
# Below three steps of a small ViT with a decay of 0.5: its learning rates, and whether its weights are in the end those of
# the same run without `layer_decay`.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   no scheduler: 0.001000, the same weights as without it
#   scheduler of torch: 0.001000, the same weights as without it
#   scheduler of timm: 0.000063 0.000125 0.000250 0.000500 0.001000, other weights than without it
#   scheduler of torch, after multiplying: 0.000063 0.000125 0.000250 0.000500 0.001000, other weights than without it
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 timm==1.0.31 numpy==2.4.6

cat > "$work/decay.py" <<'PYTHON'
import timm
import torch
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

torch.set_num_threads(1)


def run(schedule, scale=False, **options):
    """The weights after three steps, and the learning rates of the first step from the first layer to the last."""
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, num_classes=3, depth=3)
    optimizer = create_optimizer_v2(model, "adamw", lr=1e-3, weight_decay=0.05, **options)
    if scale:
        for group in optimizer.param_groups:
            group["lr"] *= group["lr_scale"]
    scheduler = schedule and schedule(optimizer, 10)
    rates = sorted({group["lr"] for group in optimizer.param_groups})
    for step in range(3):
        model(torch.randn(4, 3, 32, 32)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        if scheduler:
            scheduler.step(step + 1) if schedule is CosineLRScheduler else scheduler.step()
    return torch.cat([weight.detach().flatten() for weight in model.parameters()]), rates


for words, schedule, scale in (
    ("no scheduler", None, False),
    ("scheduler of torch", CosineAnnealingLR, False),
    ("scheduler of timm", CosineLRScheduler, False),
    ("scheduler of torch, after multiplying", CosineAnnealingLR, True),
):
    plain, _ = run(schedule)
    weights, rates = run(schedule, scale, layer_decay=0.5)
    how = "the same weights as" if torch.allclose(plain, weights, rtol=1e-4, atol=1e-6) else "other weights than"
    print(f"{words}: {' '.join(f'{rate:.6f}' for rate in rates)}, {how} without it")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" decay.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='no scheduler: 0.001000, the same weights as without it
scheduler of torch: 0.001000, the same weights as without it
scheduler of timm: 0.000063 0.000125 0.000250 0.000500 0.001000, other weights than without it
scheduler of torch, after multiplying: 0.000063 0.000125 0.000250 0.000500 0.001000, other weights than without it'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
