#!/usr/bin/env bash
# pytorch-lightning 2.6.6: a moving average of the weights that is to start later is the untrained model until then.
#
# `EMAWeightAveraging` validates with the average of the weights, and leaves it in the model when training ends.
# `update_starting_at_step` lets it begin after a warmup. Before that there is no average, and one expects the current
# weights, as timm's ModelEmaV3 has them for `update_after_step`. The callback has the copy that it made before the
# first step. So validation measures untrained weights, checkpoints have them as their "state_dict", and if training
# ends first, fit() writes them over the trained ones. It does end first if the run is short, if the step was counted in
# batches while gradients are accumulated, and with early stopping, as the metric does not move. Nothing is said, and
# the documentation speaks of averaged values only. (Of validation it is known, see issue 21724 and the open pull
# requests 21732 and 21754.) A checkpoint that was written during training has the trained weights as
# "current_model_state"; after fit() they are gone.
#
# `update_starting_at_epoch` alone delays nothing: each step updates from the first one on, and from that epoch on the
# end of an epoch does so once more. For both, use `WeightAveraging` with an `avg_fn` that returns the current weights
# until then. The package lightning 2.6.6 has the same code.
#
# Below a linear classifier, which needs one epoch of 16 steps, for five epochs: accuracy at each validation.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   no average: accuracy 0.95 0.96 0.96 0.97 0.97, after fit() 0.97
#   average: accuracy 0.93 0.96 0.96 0.96 0.96, after fit() 0.96, 80 updates
#   from step 48: accuracy 0.54 0.54 0.54 0.96 0.96, after fit() 0.96, 32 updates
#   stopped early: accuracy 0.54 0.54 0.54, after fit() 0.54, 0 updates
#     state_dict of its last checkpoint: 0.54
#     current_model_state of its last checkpoint: 0.96
#   from epoch 3: accuracy 0.93 0.96 0.96 0.96 0.96, after fit() 0.96, 82 updates
#   own avg_fn: accuracy 0.95 0.96 0.96 0.96 0.96, after fit() 0.96, 80 updates
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 pytorch-lightning==2.6.6 \
  torchmetrics==1.9.0 numpy==2.4.6

cat > "$work/average.py" <<'PYTHON'
import logging
import warnings

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping, EMAWeightAveraging, ModelCheckpoint, WeightAveraging
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
random = torch.Generator().manual_seed(0)
points = torch.randn(1280, 16, generator=random)
labels = (points[:, :4].sum(dim=1) > 0).long()
train, test = TensorDataset(points[:1024], labels[:1024]), TensorDataset(points[1024:], labels[1024:])


class Classifier(LightningModule):
    def __init__(self):
        super().__init__()
        self.net, self.seen = nn.Linear(16, 2), []

    def accuracy(self):
        return (self.net(points[1024:]).argmax(dim=1) == labels[1024:]).float().mean()

    def training_step(self, batch, number):
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch, number):
        self.log("accuracy", self.accuracy())
        self.seen.append(self.accuracy())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.5)


def fit(words, *callbacks):
    torch.manual_seed(2)
    model, checkpoint = Classifier(), ModelCheckpoint(dirpath=words, filename="last", enable_version_counter=False)
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=5,
        num_sanity_val_steps=0,
        callbacks=[*callbacks, checkpoint],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DataLoader(train, batch_size=64), DataLoader(test, batch_size=256))
    seen = " ".join(f"{value:.2f}" for value in model.seen)
    print(f"{words}: accuracy {seen}, after fit() {model.accuracy():.2f}", end="")
    saved = torch.load(f"{words}/last.ckpt", weights_only=False)
    print(f", {saved['averaging_state']['n_averaged']} updates" if callbacks else "")
    if words == "stopped early":
        for part in ("state_dict", "current_model_state"):
            model.load_state_dict(saved[part])
            print(f"  {part} of its last checkpoint: {model.accuracy():.2f}")


def from_48(average, current, updates):
    return 0.9 * average + 0.1 * current if updates >= 48 else current


stop = EarlyStopping("accuracy", mode="max", patience=2)
fit("no average")
fit("average", EMAWeightAveraging(decay=0.9))
fit("from step 48", EMAWeightAveraging(decay=0.9, update_starting_at_step=48))
fit("stopped early", EMAWeightAveraging(decay=0.9, update_starting_at_step=48), stop)
fit("from epoch 3", EMAWeightAveraging(decay=0.9, update_starting_at_epoch=3))
fit("own avg_fn", WeightAveraging(avg_fn=from_48))
PYTHON

cd "$work"
seen="$(OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES="" "$work/venv/bin/python" average.py 2> errors.txt)" \
  || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='no average: accuracy 0.95 0.96 0.96 0.97 0.97, after fit() 0.97
average: accuracy 0.93 0.96 0.96 0.96 0.96, after fit() 0.96, 80 updates
from step 48: accuracy 0.54 0.54 0.54 0.96 0.96, after fit() 0.96, 32 updates
stopped early: accuracy 0.54 0.54 0.54, after fit() 0.54, 0 updates
  state_dict of its last checkpoint: 0.54
  current_model_state of its last checkpoint: 0.96
from epoch 3: accuracy 0.93 0.96 0.96 0.96 0.96, after fit() 0.96, 82 updates
own avg_fn: accuracy 0.95 0.96 0.96 0.96 0.96, after fit() 0.96, 80 updates'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
