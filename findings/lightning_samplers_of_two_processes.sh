#!/usr/bin/env bash
# pytorch-lightning 2.6.6: with two processes a SubsetRandomSampler leaves a quarter of its images out of each epoch.
#
# For more than one process Lightning wraps a DataLoader's sampler, so that each process gets its share.
# `RandomSampler`, which is what shuffle=True makes, it replaces by one whose order all processes agree on, since pull
# request 17713. Any other sampler, say the `SubsetRandomSampler` by which PyTorch holds images out, it leaves as it is.
# Each process asks its own copy for an order, and takes every second image of that. Without `seed_everything` the
# processes draw different orders, as they start with different seeds. Half of one order and half of another are
# together three quarters of the images, and a third of these come twice; with eight processes it would be 66%.
# `trainer.validate` computes its metrics of such images, other ones each time. The lengths are right. Nothing is said
# but, while validating, that some samples may be repeated to make batches even.
#
# "It is up to the underlying sampler to handle randomness and shuffling. The shuffle and seed arguments on this wrapper
# won't have any effect", says the docstring of the wrapper. They have: while fitting Lightning sets shuffle=True, and a
# sampler of one's own that wants an order does not get it (issue 21447, open).
#
# Call `seed_everything` (with the same seed in all processes), take `torch.utils.data.Subset` and shuffle=True in place
# of the sampler, and a DistributedSampler of one's own, with use_distributed_sampler=False, if the order matters. The
# package lightning 2.6.6 has the same code.
#
# Below 10,000 images in batches of 500 for two processes on the CPU.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   fit, shuffle=True: 10000 images, 100% of the data set
#   fit, SubsetRandomSampler: 10000 images, 75% of the data set
#   validate, SubsetRandomSampler: 10000 images, 75% of the data set
#   validate, own sampler: 10000 images, 100% of the data set, in order
#   fit, own sampler: 10000 images, 100% of the data set, not in order
#   fit, SubsetRandomSampler after seed_everything: 10000 images, 100% of the data set
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 pytorch-lightning==2.6.6 numpy==2.4.6

cat > "$work/samplers.py" <<'PYTHON'
import logging
import warnings

import torch
from pytorch_lightning import LightningModule, Trainer, seed_everything
from torch import nn
from torch.utils.data import DataLoader, Sampler, SubsetRandomSampler

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
IMAGES = torch.arange(10000)


class InOrder(Sampler):
    """A sampler of one's own: it wants the images in their order."""

    def __iter__(self):
        return iter(range(len(IMAGES)))

    def __len__(self):
        return len(IMAGES)


class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.seen = []

    def training_step(self, batch, number):
        self.seen.append(batch)
        return self.layer(batch[:, None] / len(IMAGES)).square().mean()

    def validation_step(self, batch, number):
        self.seen.append(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def tell(words, run, **options):
    trainer = Trainer(accelerator="cpu", devices=2, strategy="ddp", max_epochs=1, logger=False, barebones=True)
    model = Model()
    getattr(trainer, run)(model, DataLoader(IMAGES, batch_size=500, **options))
    seen = model.all_gather(torch.stack(model.seen))
    share = 5 * round(20 * len(seen.unique()) / len(IMAGES))
    order = ""
    if isinstance(options.get("sampler"), InOrder):
        first = seen[:, 0].flatten().sort().values
        order = ", in order" if first.equal(IMAGES[: len(first)]) else ", not in order"
    if trainer.is_global_zero:
        print(f"{run}, {words}: {seen.numel()} images, {share}% of the data set{order}", flush=True)


if __name__ == "__main__":
    tell("shuffle=True", "fit", shuffle=True)
    tell("SubsetRandomSampler", "fit", sampler=SubsetRandomSampler(range(len(IMAGES))))
    tell("SubsetRandomSampler", "validate", sampler=SubsetRandomSampler(range(len(IMAGES))))
    tell("own sampler", "validate", sampler=InOrder())
    tell("own sampler", "fit", sampler=InOrder())
    seed_everything(0)
    tell("SubsetRandomSampler after seed_everything", "fit", sampler=SubsetRandomSampler(range(len(IMAGES))))
PYTHON

cd "$work"
seen="$(CUDA_VISIBLE_DEVICES="" "$work/venv/bin/python" samplers.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='fit, shuffle=True: 10000 images, 100% of the data set
fit, SubsetRandomSampler: 10000 images, 75% of the data set
validate, SubsetRandomSampler: 10000 images, 75% of the data set
validate, own sampler: 10000 images, 100% of the data set, in order
fit, own sampler: 10000 images, 100% of the data set, not in order
fit, SubsetRandomSampler after seed_everything: 10000 images, 100% of the data set'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
