#!/usr/bin/env bash
# pytorch-ignite 0.5.5: a resumed run warms the moving average of the weights up again, and so throws the average away.
#
# `EMAHandler(momentum_warmup=..., warmup_iters=...)` lets the average follow the model closely at first, by changing the
# momentum from, say, 0.5 to 0.01. The scheduler that does so is made by `attach`, counts its own events from 0, and is in no
# checkpoint. The documentation recommends how to resume: load the model, the average and the trainer, then attach. Then the
# momentum is 0.5 again, though the trainer knows that it is at iteration 100: after ten iterations nothing is left of the
# average of all before, and the model that is validated and kept is nearly the last weights. No message says so.
# With another name than "ema_momentum" (two averages need two names) there is no warmup at all: the scheduler writes that
# attribute, whatever the name. This has been mended after 0.5.5 (pull request 3834).
#
# Save `handler.momentum_scheduler.state_dict()` too, and load it after `attach`.
#
# Below a model of one weight, which is 1 for 100 iterations and then 0 for ten. The average is to be 0.9 then.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   goes on: momentum 0.01, average 1.00 at iteration 100, 0.90 at iteration 110
#   resumed at iteration 100: momentum 0.41, 0.00 at iteration 110
#   resumed with the state of momentum_scheduler: momentum 0.01, 0.90 at iteration 110
#   first iteration: momentum 0.50, with another name 0.01
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 pytorch-ignite==0.5.5 numpy==2.4.6

cat > "$work/resume.py" <<'PYTHON'
import copy

import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, EMAHandler

DATA = range(10)


def parts(checkpoint=None, name="ema_momentum"):
    """A trainer with an average, as the documentation has it; loaded, if there is a checkpoint."""
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)

    def step(engine, _):
        model.weight.data.fill_(1.0 if engine.state.iteration <= 100 else 0.0)

    trainer = Engine(step)
    handler = EMAHandler(model, momentum=0.01, momentum_warmup=0.5, warmup_iters=50)
    objects = {"model": model, "ema_model": handler.ema_model, "trainer": trainer}
    if checkpoint:
        Checkpoint.load_objects(objects, checkpoint=checkpoint)
    handler.attach(trainer, name=name)
    return trainer, handler, objects


def average(handler):
    return handler.ema_model.weight.item()


trainer, handler, objects = parts()
saved = {}


@trainer.on(Events.EPOCH_COMPLETED(once=10))
def save():
    saved.update(copy.deepcopy({key: value.state_dict() for key, value in objects.items()}))
    saved["scheduler"] = copy.deepcopy(handler.momentum_scheduler.state_dict())
    saved["average"] = average(handler)


trainer.run(DATA, max_epochs=11)
print(
    f"goes on: momentum {trainer.state.ema_momentum:.2f}, average {saved['average']:.2f} at iteration 100, "
    f"{average(handler):.2f} at iteration {trainer.state.iteration}"
)
scheduler = saved.pop("scheduler")
saved.pop("average")
for words, state in (("at iteration 100", None), ("with the state of momentum_scheduler", scheduler)):
    trainer, handler, _ = parts(saved)
    if state:
        handler.momentum_scheduler.load_state_dict(state)
    trainer.run(DATA)
    print(
        f"resumed {words}: momentum {trainer.state.ema_momentum:.2f}, {average(handler):.2f} at iteration "
        f"{trainer.state.iteration}"
    )

first = []
for name in ("ema_momentum", "backbone_momentum"):
    trainer, handler, _ = parts(name=name)
    trainer.run([0], max_epochs=1)
    first.append(average(handler))
print("first iteration: momentum {:.2f}, with another name {:.2f}".format(*first))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" resume.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='goes on: momentum 0.01, average 1.00 at iteration 100, 0.90 at iteration 110
resumed at iteration 100: momentum 0.41, 0.00 at iteration 110
resumed with the state of momentum_scheduler: momentum 0.01, 0.90 at iteration 110
first iteration: momentum 0.50, with another name 0.01'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
