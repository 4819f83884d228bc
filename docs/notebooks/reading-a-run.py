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
# # Is it healthy? Reading a run
#
# A supervised run that goes wrong has a high loss. A contrastive run that goes wrong can have a *wonderful* one. On
# this page two runs start from the same weights, on the same pictures. One is healthy. The other collapses, because we
# make it, and we will see where that shows and where it does not.

# %% tags=["hide-input"]
import contextlib
import io
import math
import tempfile
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt

INK, BLUE, ORANGE = "#7d858f", "#3f8fdd", "#e8812c"  # readable on light and on dark pages
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


# %% [markdown]
# ## Two runs
#
# Both embed proposals pasted on two backgrounds, and have to tell which two belong together ([how that
# looks](proposals-and-cpj.py)). The healthy one is `laptop`, the recipe for short runs on a CPU, with a narrow network.
# The other follows the paper's way, a slowly moving key network and a queue of its past embeddings, but with a learning
# rate many times too high, no warm-up, and a key network that moves too fast.

# %%
import codo
from codo.demo.synthetic.scenes import write_demo

data = write_demo(folder / "data", size=96, objects=256, train=64, val=64, use_photographs=False)
objects = codo.prepare(data.unlabeled, folder / "objects", jobs=1)
scenes = codo.prepare(data.train, folder / "scenes", propose=False, jobs=1)

common = {
    "foregrounds": str(objects.path),
    "backgrounds": [str(objects.path), str(scenes.path)],
    "batch_size": 32,
    "model": {"width": 0.25, "fpn_channels": 32, "head_dim": 64, "embedding_dim": 64},
    "augment": {"blur": 0},
    "probe": {"data": str(data.train.parent), "boxes": 300, "proposals": 192, "every": 60},
    "log": {"every": 2, "quiet": True},
    "workers": 0,
}
healthy = codo.pretrain(
    "laptop", **common, steps=120, optim={"warmup_steps": 20}, out=str(folder / "healthy")
)

too_fast = {"optim": {"lr": 0.1, "warmup_steps": 0}, "contrast": {"queue": 128, "momentum": 0.9}}
with contextlib.redirect_stderr(io.StringIO()) as said:
    sick = codo.pretrain("paper_laptop", **common, **too_fast, steps=60, out=str(folder / "sick"))

# %% [markdown]
# ## The loss, which says nothing
#
# Guessing among K others costs ln(K + 1) on each level. That is the dashed line; below it, a run knows something.
# Supposedly.

# %%


def curve(axis, run, name, *, scale=1.0, **style):
    """One value of a run's log over its steps."""
    points = [
        (line["step"], line[name] * scale) for line in run.metrics() if line.get(name) is not None
    ]
    axis.plot(*zip(*points, strict=True), **{"lw": 1.6, **style})


HEALTHY, SICK = {"color": BLUE, "label": "healthy"}, {"color": ORANGE, "label": "sick"}
guess_healthy = math.log(62 + 1)  # 62 others in the batch
guess_sick = math.log(128 + 1)  # 128 in the queue

figure, axis = plt.subplots(figsize=(8.5, 2.4), layout="constrained")
curve(axis, healthy, "loss/P3", scale=1 / guess_healthy, **HEALTHY)
curve(axis, sick, "loss/P3", scale=1 / guess_sick, **SICK)
axis.axhline(1, color=INK, ls="--", lw=1)
caption(axis, "loss of level P3, as a share of guessing", xlabel="step", ylim=(0, None), legend=2)

# %% [markdown]
# The sick run falls to less than half the cost of guessing within four steps. A fast learner? Then it climbs back to
# where the healthy one is, which seems to learn next to nothing. From the loss alone you would take the orange one.
#
# ## What says it: four more curves
#
# All of them are in `metrics.jsonl`, level by level, and in `report.html`. Here is P3.

# %%
figure, axes = plt.subplots(2, 2, figsize=(8.5, 4.4), layout="constrained")
spread, one_way, right_key, rank = axes.flat
for run, style in ((healthy, HEALTHY), (sick, SICK)):
    curve(spread, run, "std/P3", scale=math.sqrt(64), **style)  # full: 1 / sqrt(D = 64)
    curve(one_way, run, "mean_norm/P3", **style)
    curve(right_key, run, "top1/P3", **style)
    curve(rank, run, "rank/P3", **style)
one_way.set(title="length of the mean embedding (1: all the same)", ylim=(0, 1.05))
right_key.set(title="how often the right key comes first", ylim=(0, 1.05), xlabel="step")
rank.set(title="directions in use (RankMe, of 64)", ylim=(0, None), xlabel="step")
caption(spread, "spread of the embeddings (1: full)", ylim=(0, 1), legend=2)

# %% [markdown]
# Read the orange lines together:
#
# - The **spread** is gone within ten steps, the **mean embedding** has length 1, there is **one direction** in use. So
#   all boxes, whatever they show, have the same embedding.
# - And yet the **right key comes first**, at every step. How? The one embedding *moves*. The newest keys are nearer to
#   the query than those of the queue only because they are newer. The run has learned to tell the time. This is *drift
#   collapse* ([more](../method.md#drift-collapse)); when the point comes to rest, even that is over and the loss climbs
#   back to guessing.
#
# The blue lines are what health looks like early on: after a dip in the first steps the spread rises, the mean gets
# shorter, and top-1 stays low for long, since finding one among many is hard. *A top-1 that rises fast and early is bad
# news.*
#
# ## What the run itself says
#
# You need not look at curves for this. The alarm sounded while it trained (it also goes to `train.log`), with what to
# do:

# %%
print(textwrap.fill(said.getvalue(), 100))
alarms = [line["step"] for line in sick.metrics() if line.get("alarms")]
calm = not any(line.get("alarms") for line in healthy.metrics())
print(f"sick: alarm from step {alarms[0]} on; healthy: {'none' if calm else 'alarms'}")

# %% [markdown]
# ## The question behind it: is the object found on another background?
#
# The *background-invariance score* asks it directly, without labels: 8 proposals, each on the same two backgrounds; how
# often is the nearest of the 15 others the same object on the other background? A network that looks at the background
# finds a wrong one, and a collapsed one has nothing left to tell them apart by.

# %%
figure, axis = plt.subplots(figsize=(8.5, 2.4), layout="constrained")
for run, style in ((healthy, HEALTHY), (sick, SICK)):
    curve(axis, run, "invariance", marker="o", **style)
axis.axhline(healthy.metrics()[0]["invariance_chance"], color=INK, ls="--", lw=1)
caption(axis, "background invariance (dashed: chance)", xlabel="step", ylim=(0, None), legend=2)

# %% [markdown]
# The healthy run finds twice as many as at the start. Compare with the start, not only with chance: objects differ in
# color, so random weights find some.
#
# ## With a few labels: probes
#
# If some pictures have labels, `probe.data=` lets a linear classifier find the classes of their boxes in the *frozen*
# features, part by part. Labels train nothing but the probe. On two hundred steps it can only move little, but it is
# the number to watch on long runs: of all we measured, that of the pyramid (`fpn`) [tells AP
# best](../how-to/probes.md#which-number-predicts-ap).

# %%
figure, axes = plt.subplots(1, 3, figsize=(8.5, 2.4), sharey=True, layout="constrained")
for axis, part in zip(axes, ("backbone", "fpn", "box_head"), strict=True):
    for run, style in ((healthy, HEALTHY), (sick, SICK)):
        curve(axis, run, f"probe/roi/{part}/linear", marker="o", **style)
    axis.axhline(healthy.metrics()[0]["probe/roi/chance"], color=INK, ls="--", lw=1)
    caption(
        axis,
        f"linear probe: {part.replace('_', ' ')}",
        xlabel="step",
        ylim=(0, 0.4),
        legend=part == "backbone",
    )

# %% [markdown]
# Differences of a few points are noise here (150 boxes), and the probes do not see the collapse at all: after 60 steps,
# what is left of random features is as good as what has been learned. Do not judge health by one number.
#
# ## The verdict
#
# The report puts it together, in words. From Python:

# %%
from codo.evaluation.health import HealthReference
from codo.evaluation.health_checks import judge
from codo.evaluation.run_metrics import Metrics

for name, run in (("healthy", healthy), ("sick", sick)):
    verdict = judge(Metrics(run.metrics()), HealthReference.read(run))
    print(f"{name}: {verdict.headline}")
    for check in verdict.checks:
        line = f"    {check.tone:8} {check.name}: {check.finding}"
        print(textwrap.shorten(line.strip(), 100, placeholder=" …"))

# %% [markdown]
# The healthy run is not called healthy yet, and that is right: every run starts like a collapse, so 120 steps are too
# few for a verdict. The sick one needs no more steps.
#
# ## What to do
#
# **Drift collapse, collapse.** Start again in a new `out=`: lower `optim.lr`, warm up (`optim.warmup_steps=200`), raise
# `contrast.momentum`, shorten `contrast.queue`.
#
# **Everything flat for long.** Check the first step: the loss must be near ln(K + 1) on each level. Look at the views
# in `report.html`: can *you* tell which belong together?
#
# **Healthy, probes still rising.** Train longer.
#
# **Healthy, but probes fall below the start.** You started from good weights and are unlearning them:
# [freeze or anchor them](../how-to/weights.md#start-from-weights-you-have).
#
# **Training waits for data.** Raise `workers=`, or pack catalogs that are not packed yet: `codo prepare --pack 256`.
#
# [How a healthy run looks](../healthy-run.md) goes through every value and alarm. The last word has a
# [comparison on your labels](your-images-to-a-detector.py).

# %% tags=["remove-cell"]
assert "Drift collapse" in said.getvalue()
assert said.getvalue().count("Drift collapse") == 1
assert alarms
assert calm
found, lost = (
    [line["invariance"] for line in run.metrics() if "invariance" in line]
    for run in (healthy, sick)
)
assert found[-1] > 1.3 * found[0], found
assert found[-1] > lost[-1], lost
work.cleanup()
