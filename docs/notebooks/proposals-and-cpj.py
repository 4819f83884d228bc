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
# # Proposals and CPJ, piece by piece
#
# CoDo ([Zhao et al., CVPRW 2022](https://arxiv.org/abs/2205.04617)) teaches a detector, without a single label, that an
# object stays itself while its surroundings change. It needs two things for that: boxes that probably hold an object,
# and pictures in which the same object stands in different places. This page makes both, one step at a time, and shows
# every step. All pictures are drawn by the computer; nothing is downloaded.

# %% tags=["hide-input"]
import tempfile
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

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


def row(images, titles):
    """Pictures side by side; returns their axes, to draw on."""
    _, axes = plt.subplots(
        1, len(images), figsize=(8.5, 8.5 / len(images) + 0.25), layout="constrained"
    )
    for axis, image, title in zip(axes, images, titles, strict=True):
        axis.imshow(image)
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
        axis.set_anchor("N")
    return axes


def outline(axis, boxes, color, **style):
    """Boxes x1, y1, x2, y2 on a picture."""
    for x1, y1, x2, y2 in np.atleast_2d(boxes):
        style = {"lw": 1.8, "alpha": 1.0, **style}
        axis.add_patch(
            Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, color=color, **style)
        )


# %% [markdown]
# ## Two piles of pictures
#
# *Foregrounds* are where objects are cut from. *Backgrounds* are what they are pasted on: pictures of the place in
# which the detector will work later. That is the idea behind the name: **Co**ntrastive learning with **Do**wnstream
# background invariance.

# %%
from codo.demo.synthetic.scenes import write_demo

data = write_demo(
    folder / "data", size=256, objects=12, train=24, val=1, seed=3, use_photographs=False
)
foregrounds = [plt.imread(file) for file in sorted(data.unlabeled.glob("*.jpg"))]
backgrounds = [plt.imread(file) for file in sorted(data.train.glob("*.jpg"))]

for images, title in ((foregrounds, "foreground"), (backgrounds, "background")):
    row(images[:5], [title] * 5)

# %% [markdown]
# ## Proposals: boxes without labels
#
# *Selective search* (Uijlings et al. 2013) starts from small patches of one color and merges the two most alike until
# one is left. Every patch on the way has a box. Some of them fit an object, without anybody having said what an object
# is.

# %%
import codo

image = backgrounds[1]
boxes = codo.selective_search(image)
relative = np.sqrt(
    ((boxes[:, 2:] - boxes[:, :2]) / 256).prod(axis=1)
)  # side of the box, as a share of the picture's

limits = [0, 0.1, 0.25, 0.5, 1.01]
groups = [boxes[(low <= relative) & (relative < high)] for low, high in pairwise(limits)]
names = ["up to 10%", "10 to 25%", "25 to 50%", "above 50% of a side"]
axes = row(
    [image] * 4, [f"{name}: {len(group)} boxes" for name, group in zip(names, groups, strict=True)]
)
for axis, group in zip(axes, groups, strict=True):
    outline(axis, group, "white", lw=0.7, alpha=0.5)

# %% [markdown]
# That is far too many, and most are slivers. Section 4.1 of the paper drops boxes that are three times as long as wide;
# SoCo, which it builds on, those with a side under 32 pixels. Of the rest, 64 are kept, spread over all sizes and
# places.

# %%
from codo.proposals import ProposalSettings, filter_boxes, propose

settings = ProposalSettings()
passed, _ = filter_boxes(boxes, 256, 256, settings)
thin, _ = filter_boxes(boxes, 256, 256, ProposalSettings(min_side=1))
kept, _ = propose(image, settings)

counts = [len(boxes), len(thin), len(passed), len(kept)]
steps = ["selective search", "1/3 < width/height < 3", "and sides of at least 32", "and at most 64"]
figure, axis = plt.subplots(figsize=(8.5, 1.8), layout="constrained")
bars = axis.barh(steps[::-1], counts[::-1], color=[BLUE, INK, INK, INK], height=0.6)
axis.set_xlabel("boxes in this picture")
labels = axis.bar_label(bars, padding=4, color=INK)

# %% [markdown]
# Do they find the objects? These pictures have labels, which CoDo never looks at, so we can check: white is the labeled
# box, blue the best of the 64 proposals, with their overlap (intersection over union).

# %%
import json

from codo.views.boxes import iou

truth = json.loads(data.train_json.read_text())["annotations"]
overlaps = []
axes = row(backgrounds[:5], [""] * 5)
for number, axis in enumerate(axes):
    proposals, _ = propose(backgrounds[number], settings)
    best = []
    for x, y, width, height in (one["bbox"] for one in truth if one["image_id"] == number + 1):
        overlap = iou(proposals, [x, y, x + width, y + height])
        best.append(overlap.max())
        outline(axis, [x, y, x + width, y + height], "white", ls=":")
        outline(axis, proposals[overlap.argmax()], BLUE)
    axis.set_title(", ".join(f"{value:.2f}" for value in best), fontsize=9)
    overlaps += best

found = np.mean(np.array(overlaps) > 0.5)
print(f"{found:.0%} of {len(overlaps)} objects have a proposal with an overlap above 0.5")

# %% [markdown]
# For a whole folder, `codo.prepare` does this once and keeps the boxes with the list of pictures. The result is a
# *catalog*, which every later step reads; on the command line it is `codo prepare photos/ --out catalogs/photos`.

# %%
catalog = codo.prepare(data.unlabeled, folder / "objects", jobs=1, progress=False)
scenes = codo.prepare(data.train, folder / "scenes", propose=False, jobs=1, progress=False)
print(f"{len(catalog)} pictures; the first has {len(catalog.proposals(0))} proposals")

# %% [markdown]
# ## Cut
#
# Each time a picture comes up, one of its proposals is drawn at random: `I_p` in the paper. Many hold an object or part
# of one, some hold nothing much. Nobody sorts them; the network sees enough of both.

# %%
number = 4
image = catalog.image(number)
drawn = np.random.default_rng(0).choice(catalog.proposals(number), 5, replace=False)
cuts = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in drawn]

axes = row(
    [image, *cuts], ["picture and 5 proposals", *(f"{c.shape[1]} x {c.shape[0]}" for c in cuts)]
)
outline(axes[0], drawn, GREEN)

# %% [markdown]
# ## Paste
#
# Now the center of the method, section 3.1, Eq. 1 and 2: **copy, paste, jitter**,
#
# `I_q, bb_q = CPJ(I_p, I_dq)` and `I_k, bb_k = CPJ(I_p, I_dk)`
#
# with the proposal `I_p`, a background `I_d`, and a box `bb` that says where the object is. We go through it slowly, by
# switching on one thing after the other with the same random numbers. A square of 224 pixels is what the network sees.

# %%
from codo.views import AugmentSettings, CopyPasteJitter, LazyImage

NO_COLOR = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0, "gray": 0}
SHARP = {"blur_sigma": (0.01, 0.01)}
box = drawn[np.argmax([cut.size for cut in cuts])]  # the largest of the five


def cpj(**augment):
    return CopyPasteJitter(canvas=224, augment=AugmentSettings(**augment))


def again():
    return np.random.default_rng(2)


cropped = cpj(**NO_COLOR, **SHARP).draw_background(LazyImage.from_array(backgrounds[2]), again())
pasted = cpj(**NO_COLOR, **SHARP)(image, box, backgrounds[2], again())
colored = cpj(**SHARP)(image, box, backgrounds[2], again())
finished = cpj()(image, box, backgrounds[2], again())

x1, y1, x2, y2 = box
images = [image[y1:y2, x1:x2], backgrounds[2], cropped, pasted.image, colored.image, finished.image]
axes = row(images, ["proposal", "background", "random crop of it", "pasted", "colors", "blur"])

# %% [markdown]
# The proposal, too, was cropped at random, and stretched to a size drawn anew each time: *arbitrary* scale and aspect
# ratio, as section 3.1 says. Colors and blur are MoCo v2's (section 4.2), drawn for object and background separately.
#
# ## Jitter
#
# We know exactly where the object was pasted. The network does not get that box but a shifted and resized one, as a
# detector's boxes are never exact either, and so that it holds a margin of background. Only boxes that overlap the
# pasted one by more than 0.6 are taken.

# %%
from codo.views.boxes import jitter

rng = np.random.default_rng(0)
jittered = np.array([jitter(pasted.pasted, 224, 0.2, 0.6, 20, rng) for _ in range(400)])
overlap = iou(jittered, pasted.pasted)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(8.5, 2.7), width_ratios=[1, 2], layout="constrained"
)
left.imshow(pasted.image)
left.set_axis_off()
outline(left, jittered[:25], ORANGE, lw=0.8, alpha=0.7)
outline(left, pasted.pasted, "white", ls=":")
right.set(xlabel="overlap of jittered and pasted box (IoU)", ylabel="boxes of 400")
right.hist(overlap, bins=np.linspace(0.5, 1, 41), color=ORANGE)
limit = right.axvline(0.6, color=INK, ls="--")

# %% [markdown]
# ## What the two networks see
#
# One view is for the *query* network, which is trained. The others are for the *key* network. Same proposal, other
# background, other crop, other colors, other place (dotted: pasted; solid: what they get). Top: CoDo, one key. Bottom:
# CoDo_m, three keys.

# %%
from codo.loading import PastedViews, Pool

pool = Pool([scenes], [None])  # the same backgrounds for both, the best choice of Table 2
views = PastedViews(catalog, pool, pool, CopyPasteJitter(224), seed=8)

for sample, epoch, count in ((0, 2, 2), (4, 1, 4)):
    seen = views.views(epoch, sample, wanted=range(count))
    images = [catalog.image(sample), views.proposal(epoch, sample), *(view.image for view in seen)]
    axes = row(images, ["picture", "proposal", "query", *["key"] * (count - 1)])
    for axis, view in zip(axes[2:], seen, strict=True):
        outline(axis, view.pasted, "white", ls=":")
        outline(axis, view.box, ORANGE)

# %% [markdown]
# Of all this, what do the query and the keys have in common? Only the object. A network that is rewarded for giving the
# box the same embedding in all views, and every other box another one, has to look at the object and away from the
# rest.
#
# ## What is read from the network
#
# The detector's trunk turns a view into four maps, P2 to P5, with cells of 4, 8, 16 and 32 pixels. From each, RoIAlign
# takes 7 x 7 samples inside the box, and the box head turns them into one embedding per level (Eq. 3 to 6). The
# contrast is computed on each level (Eq. 7), and the levels and keys are added up (Eq. 8).

# %%
view = seen[0]
axes = row([view.image] * 4, [f"P{level}: cells of {2**level} pixels" for level in (2, 3, 4, 5)])
for axis, level in zip(axes, (2, 3, 4, 5), strict=True):
    for line in range(0, 225, 2**level):
        axis.plot(
            [line - 0.5] * 2,
            [-0.5, 223.5],
            [-0.5, 223.5],
            [line - 0.5] * 2,
            color="white",
            lw=0.4,
            alpha=0.5,
        )
    outline(axis, view.box, ORANGE, lw=2.2)
    axis.set(xlim=(-0.5, 223.5), ylim=(223.5, -0.5))

# %% [markdown]
# Exactly that trunk, with backbone, pyramid and box head, is what you take into your detector afterwards.

# %%
import torch

from codo.models import Encoder, ModelSettings

encoder = Encoder(
    ModelSettings(backbone="resnet18", width=0.25, fpn_channels=32, head="1conv1fc", head_dim=64)
)
pixels = torch.from_numpy(np.stack([view.image for view in seen])).permute(0, 3, 1, 2).float() / 255
places = torch.from_numpy(np.stack([view.box for view in seen]))
with torch.no_grad():
    embeddings = encoder(pixels, places)
print(f"{len(seen)} views -> embeddings of shape {tuple(embeddings.shape)}: level, view, dimension")

# %% [markdown]
# ## Where to go from here
#
# - Each number above is a setting (`cpj.jitter`, `cpj.min_iou`, `augment.*`, …): `codo settings cpj.jitter` explains
#   one, [the reference](../reference/settings.md) has all. What the paper leaves open, and why it is done like this, is
#   in [the method](../method.md#at-a-glance).
# - `codo view catalogs/photos` makes a page of *your* pictures with their proposals and views: look at it before you
#   train.
# - Next: [your images to a detector](your-images-to-a-detector.py).

# %% tags=["remove-cell"]
assert overlap.min() > 0.6, "every jittered box overlaps the pasted one by more than 0.6"
assert found >= 0.5, "proposals find most objects"
assert embeddings.shape == (4, 4, 128)
work.cleanup()
