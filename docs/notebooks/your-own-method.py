# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A method of your own
#
# You have an idea for a loss. What you do not have is time to write a loader, a training loop, checkpoints that survive
# a crash, monitors, exports and finetuning for it. This page adds a method in about thirty lines and gets all of these.
#
# The example is VICReg ([Bardes et al., 2022](https://arxiv.org/abs/2105.04906)): no negatives, no momentum encoder,
# just three wishes about the embeddings of two crops of each picture.
#
# 1. **Invariance**: the two crops of a picture have the same embedding.
# 2. **Variance**: over the batch, every dimension varies by at least 1; so the embeddings cannot all be the same.
# 3. **Covariance**: no two dimensions say the same.

# %% tags=["hide-input"]
import ast
import contextlib
import inspect
import io
import linecache
import tempfile
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt

INK, BLUE, ORANGE, GREEN = (
    "#7d858f",
    "#3f8fdd",
    "#e8812c",
    "#1fa187",
)  # readable on light and on dark pages
plt.rcParams.update(
    {"figure.facecolor": "none", "axes.facecolor": "none", "figure.dpi": 110, "font.size": 10}
)
for part in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"):
    plt.rcParams[part] = INK
plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False})
plt.rcParams.update({"axes.titlesize": 10, "axes.titlelocation": "left"})

work = tempfile.TemporaryDirectory()
folder = Path(work.name)


def caption(axis, title, *, legend=0, **settings):
    """Title, labels and limits of a plot; a legend of so many columns."""
    axis.set(title=title, **settings)
    if legend:
        axis.legend(ncols=legend)


def save_class(cls, path):
    """Write a class of this notebook, and the imports of its cell, to a file."""
    text = "".join(linecache.getlines(inspect.getsourcefile(cls.__init__)))
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    nodes += [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    ]
    path.write_text("\n".join(ast.get_source_segment(text, node) for node in nodes) + "\n")
    return path


# %% [markdown]
# ## The class
#
# `ImageLevel` is the family of methods that embed whole pictures: it provides two random crops and exports the
# backbone. There are also [families](../how-to/own-method.md) with pasted objects, momentum encoders and queues. What
# is left to write is the network and the loss.

# %%
import torch
from pydantic import Field
from torch import nn
from torch.nn import functional as F

from codo.core.config import Settings
from codo.methods.base import StepOutput
from codo.methods.image_level import ImageLevel
from codo.models.image_encoder import ImageEncoder


class VICReg(ImageLevel):
    """Variance, invariance, covariance (Bardes et al., 2022)."""

    class Options(Settings):
        variance: float = Field(25.0, ge=0, description="weight of the variance term")

    def __init__(self, setup):
        super().__init__(setup)
        dim, self.weight = setup.model.embedding_dim, setup.options.variance
        self.encoder = ImageEncoder(
            setup.model, lambda channels: self.mlp(channels, dim)
        )  # backbone, mean, MLP
        self.load_report = self.encoder.load_report

    @staticmethod
    def mlp(channels, dim):
        return nn.Sequential(
            nn.Linear(channels, dim), nn.BatchNorm1d(dim), nn.ReLU(), nn.Linear(dim, dim)
        )

    def forward(self, batch):
        first, second = (self.encoder.project(view) for view in self.views(batch))  # (B, D) each
        self.store_embeddings(first)  # for the monitors of collapse
        terms = {
            "same": 25 * F.mse_loss(first, second),
            "spread": self.weight * (self.spread(first) + self.spread(second)) / 2,
            "apart": self.apart(first) + self.apart(second),
        }
        loss = sum(terms.values())
        logged = {f"vicreg/{name}": term.detach() for name, term in terms.items()}
        return StepOutput(loss, {"loss": loss.detach(), **logged})

    @staticmethod
    def spread(z):
        return F.relu(1 - (z.var(dim=0) + 1e-4).sqrt()).mean()

    @staticmethod
    def apart(z):
        covariance = torch.cov(z.T)
        return (covariance - torch.diag(torch.diag(covariance))).square().sum() / z.shape[1]


# %% [markdown]
# Runs name a method by file and class, so that another process, or you in a year, can load it again. You would write
# the class into a file to begin with; here, a helper saves it from the cell above.

# %%
mine = save_class(VICReg, folder / "mine.py")
lines = sum(bool(line.strip()) for line in inspect.getsource(VICReg.forward).splitlines())
print(f"{mine.name}: {len(mine.read_text().splitlines())} lines, {lines} of them the step")

# %% [markdown]
# ## Train it
#
# From the command line this is `codo pretrain -c laptop method=mine.py:VICReg options.variance=25 foregrounds=photos
# out=…`. Pictures are drawn; settings are tiny, to be done in seconds.

# %%
import codo
from codo.demo.synthetic.scenes import write_demo

data = write_demo(folder / "data", size=96, objects=192, train=64, val=64, use_photographs=False)
objects = codo.prepare(data.unlabeled, folder / "catalogs/objects", jobs=1)

TINY = {
    "steps": 40,
    "batch_size": 16,
    "model": {"width": 0.25},
    "optim": {"warmup_steps": 5},
    "checkpoint_every": 20,
    "probe": {
        "data": str(data.train.parent),
        "boxes": 400,
        "proposals": 32,
        "every": 0,
    },  # at the start and at the end
    "log": {"every": 2, "quiet": True},
    "workers": 0,
}
own = {
    "method": f"{mine}:VICReg",
    "foregrounds": str(objects.path),
    "out": str(folder / "runs/vicreg"),
}
run = codo.pretrain("laptop", **own, **TINY)


def curve(axis, run, name, **style):
    """One value of a run's log over its steps."""
    points = [(line["step"], line[name]) for line in run.metrics() if name in line]
    axis.plot(*zip(*points, strict=True), **style)


figure, axis = plt.subplots(figsize=(8.5, 2.3), layout="constrained")
for name, color in (("same", BLUE), ("spread", ORANGE), ("apart", GREEN)):
    curve(axis, run, f"vicreg/{name}", color=color, label=name)
caption(axis, "the three terms of the loss", xlabel="step", ylim=(0, None), legend=3)

# %% [markdown]
# The three terms were logged because `forward` named them; rank, spread and the alarms of collapse came with
# `store_embeddings`.
#
# What the variance term is for shows when it is turned off, by the method's own setting:

# %%
without = codo.pretrain(
    "laptop", **own | {"out": str(folder / "runs/without")}, **TINY, options={"variance": 0}
)

figure, axis = plt.subplots(figsize=(8.5, 2.3), layout="constrained")
curve(axis, run, "rank/image", color=BLUE, label="with the variance term")
curve(axis, without, "rank/image", color=ORANGE, label="without")
caption(
    axis, "directions in use by the embeddings (RankMe)", xlabel="step", ylim=(0, None), legend=1
)

# %% [markdown]
# ## A crash
#
# Runs are killed, disks fill up. We tear the newest checkpoint in half and give the same command again. It says so,
# goes back to the checkpoint before, and arrives at **the same weights, bit by bit**: what a step sees depends on the
# seed and its number only.

# %%
before = codo.load_trunk(run).state_dict()
newest = run.checkpoints()[-1]
newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])

with contextlib.redirect_stderr(io.StringIO()) as said:
    run = codo.pretrain("laptop", **own, **TINY)
print(textwrap.fill(said.getvalue().replace(f"{folder}/", ""), 100))

after = codo.load_trunk(run).state_dict()
print("same weights:", all(torch.equal(before[name], after[name]) for name in before))

# %% [markdown]
# ## Export it
#
# The method trains a backbone, so that is what there is to export. The file has been verified in torchvision's network.

# %%
weights = codo.export(run, to="resnet")
print(weights.name, f"{len(torch.load(weights, weights_only=True))} tensors")

# %% [markdown]
# ## Is it any good?
#
# A quick answer, before hours of finetuning: freeze the trunk, and see whether a linear classifier finds the classes of
# labeled boxes in its features. `probe.data` above had both runs probed [before the first step and after the
# last](../how-to/probes.md), so we can see where each part of the trunk went from its random weights. CoDo trains
# pyramid and box head as well.

# %%
scenes = codo.prepare(data.train, folder / "catalogs/scenes", propose=False, jobs=1)
paths = {"foregrounds": str(objects.path), "backgrounds": [str(objects.path), str(scenes.path)]}
small = {"model": {"width": 0.25, "fpn_channels": 32, "head_dim": 64}}
codo_run = codo.pretrain("laptop", **paths, out=str(folder / "runs/codo"), **TINY | small)

parts = [
    ("VICReg", run, "backbone"),
    *(("CoDo", codo_run, part) for part in ("backbone", "fpn", "box_head")),
]
figure, axis = plt.subplots(figsize=(8.5, 2.2), layout="constrained")
for height, (name, one, part) in enumerate(parts):
    probes = [line for line in one.metrics() if f"probe/roi/{part}/linear" in line]
    start, end = (probes[i][f"probe/roi/{part}/linear"] for i in (0, -1))
    color = BLUE if name == "VICReg" else ORANGE
    axis.plot([start, end], [height, height], color=color, lw=2)
    axis.plot(start, height, "o", mfc="none", color=INK)
    axis.plot(end, height, "o", color=color)
axis.axvline(probes[-1]["probe/roi/chance"], color=INK, ls="--", lw=1)
axis.set_yticks(range(len(parts)), [f"{name}, {part.replace('_', ' ')}" for name, _, part in parts])
axis.set(xlim=(0, 0.5), ylim=(len(parts) - 0.5, -0.5))
caption(
    axis, "classes of labeled boxes found: random weights (ring), trained (dot), chance (dashed)"
)

# %% [markdown]
# Forty steps on 192 pictures decide nothing: a difference means little below several points, and another seed may turn
# it around. `codo.probe(run, data=…)` asks the same of any run or file. For an answer, train longer, then let
# `codo.compare` finetune from each with [several seeds](../how-to/compare.md). Your method is one of its `inits`, like
# any other: `inits.mine.method=mine.py:VICReg`.
#
# ## Where to go from here
#
# [Own methods](../how-to/own-method.md) has the whole protocol: views of your own, what `exports()` may name, momentum
# encoders, what must be in a buffer so that a run resumes exactly. The [methods of this project](../methods.md)
# are written in the same way, one file each.

# %% tags=["remove-cell"]
assert run.config["options"] == {"variance": 25.0}
assert all(torch.equal(before[name], after[name]) for name in before)
ranks = [
    [line["rank/image"] for line in one.metrics() if "rank/image" in line][-5:]
    for one in (run, without)
]
assert sum(ranks[0]) > 1.2 * sum(ranks[1]), ranks
assert "damaged" in said.getvalue()
work.cleanup()
