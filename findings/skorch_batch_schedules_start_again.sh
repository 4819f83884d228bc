#!/usr/bin/env bash
# skorch 1.4.0: a learning rate that changes with each batch goes back to nearly its beginning in a resumed run.
#
# `LRScheduler(step_every="batch")` steps torch's scheduler after each batch. When training starts again, by `partial_fit`,
# `warm_start` or from loaded parameters, optimizer and history, the callback makes a new scheduler and tells it how far the run
# is: by the number of epochs in the history, also if it counts batches. So a run of 5 epochs of 8 batches resumes at step 5
# in place of 40: in the warmup again, or at the top of a cosine. How many batches there were is counted beside, and not used.
# `step_every="epoch"` is right. Nothing is said; "event_lr" in the history shows it.
#
# Give the policy's `last_epoch` for each resume (batches so far less 1), or step once in an epoch.
#
# Below a learning rate of a thousandth of the step's number: what the first batch of the sixth epoch is trained with.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   each batch, 6 epochs at once: 0.040
#   each batch, 5 epochs and 1 more: 0.005
#   each epoch, 6 epochs at once: 0.005
#   each epoch, 5 epochs and 1 more: 0.005
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 skorch==1.4.0 scikit-learn==1.9.1 scipy==1.17.1 \
  numpy==2.4.6

cat > "$work/rates.py" <<'PYTHON'
import numpy as np
import torch
from skorch import NeuralNetRegressor
from skorch.callbacks import LRScheduler

inputs, targets = np.zeros((64, 4), dtype=np.float32), np.zeros((64, 1), dtype=np.float32)


def rate(every, parts):
    """The learning rate of the first batch of the last epoch."""
    schedule = LRScheduler(policy=torch.optim.lr_scheduler.LambdaLR, lr_lambda=lambda step: step / 1000, step_every=every)
    net = NeuralNetRegressor(
        torch.nn.Linear(4, 1), lr=1.0, batch_size=8, train_split=None, callbacks=[("schedule", schedule)], verbose=0
    )
    for epochs in parts:
        net.partial_fit(inputs, targets, epochs=epochs)
    assert len(net.history) == 6
    return net.history[-1, "event_lr"] if every == "epoch" else net.history[-1, "batches", 0, "event_lr"]


for every in ("batch", "epoch"):
    print(f"each {every}, 6 epochs at once: {rate(every, [6]):.3f}")
    print(f"each {every}, 5 epochs and 1 more: {rate(every, [5, 1]):.3f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" rates.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='each batch, 6 epochs at once: 0.040
each batch, 5 epochs and 1 more: 0.005
each epoch, 6 epochs at once: 0.005
each epoch, 5 epochs and 1 more: 0.005'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
