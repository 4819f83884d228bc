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
# # Your images to a detector in twenty minutes
#
# You have many pictures without labels and a few with boxes. This page goes the whole way with them: prepare, pretrain,
# look at the health of the run, export, finetune, evaluate, and the question that counts, *did it help?*
#
# It runs on drawn pictures and with settings so small that it takes about a minute: enough to see every file and every
# number, **far too little to learn anything**. Lines marked `# ← yours` are those to change;
# [the times for real](#how-long-it-takes-for-real) are at the end.

# %% tags=["hide-input"]
import tempfile
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

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


def row(images, titles):
    """Pictures side by side; returns their axes, to draw on."""
    _, axes = plt.subplots(
        1, len(images), figsize=(8.5, 8.5 / len(images) + 0.25), layout="constrained"
    )
    for axis, image, title in zip(axes, images, titles, strict=True):
        axis.imshow(image)
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    return axes


# %% [markdown]
# ## The pictures
#
# A folder of photographs without labels, and a folder with labels in COCO's layout. Other formats work as well: VOC,
# YOLO, CVAT, Label Studio and [more](../how-to/labeled-data.md).

# %%
from codo.demo.synthetic.scenes import write_demo

data = write_demo(folder / "data", size=128, objects=160, train=48, val=24, use_photographs=False)
photos = data.unlabeled  # ← yours: a folder, a tar, a list of paths
labeled = data.train.parent  # ← yours: train/, val/, annotations/instances_train.json, …_val.json

files = [*sorted(photos.glob("*.jpg"))[:3], *sorted((labeled / "train").glob("*.jpg"))[:3]]
axes = row([plt.imread(file) for file in files], ["without labels"] * 3 + ["labeled"] * 3)

# %% [markdown]
# ## 1. Prepare
#
# Every picture is checked once, and [selective search](proposals-and-cpj.py) finds its proposals. The result is a
# *catalog*. Broken files would be listed with the reason. The labeled pictures are only pasted on, so they need no
# proposals; their labels are not read.

# %%
import codo

objects = codo.prepare(photos, folder / "catalogs/photos", jobs=1)
scenes = codo.prepare(labeled / "train", folder / "catalogs/scenes", propose=False, jobs=1)
print(objects.summary())

# %% [markdown]
# ## 2. Pretrain
#
# `"laptop"` is the recipe for a CPU; with a GPU take `"one_gpu"`. What makes it tiny here is in `TINY`: **leave it out
# for your data**. `log.quiet` keeps the progress out of the notebook; it goes to `train.log` in the run's folder.

# %%
TINY = {
    "model": {"width": 0.25, "fpn_channels": 32, "head_dim": 64},
    "batch_size": 32,
    "steps": 30,
    "optim": {"warmup_steps": 3},
    "probe": {"proposals": 32, "every": 10},
    "log": {"every": 5, "quiet": True},
    "workers": 0,
}
run = codo.pretrain(
    "laptop",  # ← yours: "one_gpu" with a GPU
    foregrounds=str(objects.path),
    backgrounds=[str(objects.path), str(scenes.path)],  # never pictures on which you will evaluate
    out=str(folder / "runs/mine"),
    **TINY,  # ← leave out
)
print(*sorted(file.name for file in run.path.iterdir() if not file.name.startswith(".")), sep="\n")

# %% [markdown]
# Interrupted? The same call goes on where it stopped, to the same weights.
#
# ## 3. Is it healthy?
#
# The loss alone does not say. Look at the *background invariance* too: how often an object finds itself again on
# another background, among 15 others. And at the alarms: `report.html` in the run's folder has all of it, with
# pictures. [Reading a run](reading-a-run.py) shows what a sick one looks like.

# %%
log = run.metrics()
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 2.3), layout="constrained")
loss = [(line["step"], line["loss"]) for line in log if "loss" in line]
score = [(line["step"], line["invariance"]) for line in log if "invariance" in line]
left.plot(*zip(*loss, strict=True), color=BLUE, marker="o", ms=3)
left.set(title="loss", xlabel="step")
right.plot(*zip(*score, strict=True), color=ORANGE, marker="o", ms=3)
right.axhline(log[0]["invariance_chance"], color=INK, ls="--", label="chance")
right.set(title="background invariance", xlabel="step", ylim=(0, None))
right.legend()
alarms = {alarm for line in log for alarm in line.get("alarms", [])}
print("alarms:", alarms or "none")

# %% [markdown]
# ## 4. Export
#
# The weights in the names of the library that you use. Before the file is put in place, that library's model is built,
# loads it, and must compute the same features. [More of that](weights-elsewhere.py): Detectron2, timm and others.

# %%
weights = codo.export(run, to="torchvision", model="faster_rcnn")
page = weights.with_suffix(
    ".md"
).read_text()  # says how to load it, what matched, and where it comes from
print(weights.name, f"{weights.stat().st_size / 1e6:.1f} MB")
print(page.split("```python\n")[1].split("```")[0])

# %% [markdown]
# ## 5. Finetune, and evaluate
#
# Or train the detector right here: Faster R-CNN on the labeled pictures, from the run's weights.

# %%
BRIEF = {
    "steps": 30,
    "masks": False,
    "short_sides": [128],
    "max_size": 128,
    "detector": {"sampled_boxes": 32, "proposals": 100, "proposals_per_level": 200},
    "optim": {"warmup_steps": 5},
    "log": {"quiet": True},
    "workers": 0,
}
detector = codo.finetune(
    "finetune_laptop",
    data=str(labeled),
    weights=str(run.path),  # "none" would be random weights, "imagenet" torchvision's
    out=str(folder / "runs/detector"),
    **BRIEF,  # ← leave out
)
scores = codo.evaluate(detector)["bbox"]
print({name: round(value, 4) for name, value in list(scores.items())[:3]})

# %% [markdown]
# After 30 steps that is as good as nothing, and it should be. The detections are in the run's folder, in COCO's format.
# `codo view` makes a page of them with what went wrong, error by error. Here are the surest three (solid) of some
# pictures, with the labels (dotted):

# %%
from codo.evaluation import detections_of_run

results = detections_of_run(detector)
shown = results.image_results[:6]
axes = row(
    [plt.imread(one.file) for one in shown], [f"{len(one.found)} detections" for one in shown]
)
for axis, one in zip(axes, shown, strict=True):
    for objects_, style in (
        (one.truth, {"color": "white", "ls": ":"}),
        (one.found[:3], {"color": ORANGE}),
    ):
        for x, y, width, height in (thing.bbox for thing in objects_):
            axis.add_patch(Rectangle((x, y), width, height, fill=False, lw=1.6, **style))

# %% [markdown]
# ## 6. Did it help?
#
# One number from one run says little: another seed may turn it around. `codo.compare` trains from each start with
# several seeds, under the same protocol, and gives the difference with an interval.

# %%
comparison = codo.compare(
    "finetune_laptop",
    data=str(labeled),
    inits={"random": "none", "CoDo": str(run.path)},
    seeds=[0, 1],  # ← yours: three or more
    out=str(folder / "runs/answer"),
    **BRIEF | {"steps": 10},  # ← leave out
)

# %% [markdown]
# It writes tables, and a report whose first line is the answer:

# %%
from codo.comparison.verdicts import summary

for sentence in summary(comparison):
    print(textwrap.fill(sentence, 100))

# %% [markdown]
# Nothing, as it must be after ten steps; and it says so rather than give you a winner. What a real one looks like: in
# [five demos](../lab-log.md#2026-11-28-the-demo-five-times) on such drawn pictures (`codo demo`: 800 steps of
# pretraining, 350 of finetuning on 48 labeled pictures, four seeds of both, under 12 minutes on two cores) box AP is
# 3.5 to 4.9 from CoDo's weights and 1.1 to 1.8 from random ones.
#
# ## How long it takes for real
#
# On two cores of a shared machine, without a GPU; measured, [study](../results/study-2.md#a-from-scratch):
#
# | | for 3,595 photographs and 1,697 labeled ones | |
# |---|---|---|
# | prepare | 28 ms a picture of 256 pixels and core, 117 ms at 500 | once |
# | pretrain | 22 minutes (`laptop` at a quarter of the width, 2,400 steps, beside two other runs) | |
# | finetune | 10 to 20 minutes (`finetune_laptop`, 2,000 steps) | each start and seed |
#
# `codo plan` tells hours and memory of your settings before you start; [compare](../how-to/compare.md) tells how to
# read the answer. The same steps on the command line: [tutorial](../tutorial.md).

# %% tags=["remove-cell"]
assert {file.name for file in run.path.iterdir()} >= {
    "config.yaml",
    "metrics.jsonl",
    "report.html",
    "exports",
}
assert len(score) == 4
assert not alarms
assert len(comparison.results) == 4
assert not comparison.missing
work.cleanup()
