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
# # Weights from here into torchvision, Detectron2, timm
#
# A pretrained trunk is worth something only in the detector that you use, and there the classic accident waits: weights
# load *without an error* and half of them went nowhere, because of a prefix, a transposed name, another normalization.
# So each export of CoDo builds the other library's network, loads the file, and compares the numbers before it leaves
# the file there. On this page we do the same by hand, with the libraries themselves.

# %% tags=["hide-input"]
import tempfile
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

# %% [markdown]
# ## A trunk
#
# A ResNet-50 with the paper's pyramid and box head, after two steps on drawn pictures. It has learned nothing; where
# its numbers go is the same. With your own run, start at the next cell: `run = codo.open_run("runs/mine")`.

# %%
import codo
from codo.demo.synthetic.scenes import write_demo

data = write_demo(folder / "data", size=128, objects=12, train=4, val=1, use_photographs=False)
run = codo.pretrain(
    "one_gpu",
    foregrounds=str(data.unlabeled),
    backgrounds=[str(data.train)],
    out=str(folder / "run"),
    contrast={"negatives": "batch", "keys": "end_to_end", "bn_groups": 0},
    **{"steps": 2, "batch_size": 4, "canvas": 64, "optim.warmup_steps": 1},
    **{"probe": None, "workers": 0, "log.quiet": True},
)

# %% [markdown]
# ## As a PyTorch module
#
# `codo.load_trunk` needs no other library: an `nn.Module` that turns pictures into maps, and boxes into vectors.

# %%
import torch

trunk = codo.load_trunk(run)
pixels = plt.imread(sorted(data.train.glob("*.jpg"))[0])
picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1)  # uint8, RGB, channels first
boxes = torch.tensor([[12.0, 20, 76, 70], [40, 30, 120, 118]])

with torch.no_grad():
    images = trunk.normalize(picture[None])
    maps = trunk.features(images)
    vectors = trunk.box_features(maps, [boxes])

for level, one in enumerate(maps, start=2):
    print(f"P{level}", tuple(one.shape))
print("boxes", tuple(vectors.shape))

# %% [markdown]
# ## torchvision
#
# `codo.export` writes a state dict in torchvision's names, and a page beside it that tells how to load it.

# %%
file = codo.export(run, to="torchvision")  # model="faster_rcnn", "retinanet" or "fcos" for these

# %%
from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

torch.manual_seed(0)  # for what stays random
detector = maskrcnn_resnet50_fpn_v2(
    weights=None, weights_backbone=None, num_classes=9
)  # your classes, plus background
loaded = detector.load_state_dict(torch.load(file, weights_only=True), strict=False)
print("unexpected:", loaded.unexpected_keys)
print("random still:", *sorted({".".join(name.split(".")[:2]) for name in loaded.missing_keys}))

# %% [markdown]
# `strict=False` is needed, since a detector has more than a trunk, and it is also what hides accidents. So look at both
# lists: nothing unexpected, and nothing random but what pretraining cannot know: the proposal network, and whatever
# depends on your classes. Then the numbers. The detector resizes and normalizes by itself; behind that, its maps must
# be the trunk's.

# %%
detector.eval()


def difference(ours, theirs):
    """Largest difference, as a share of the largest value."""
    return float((ours - theirs).abs().max() / ours.abs().max())


with torch.no_grad():
    theirs = detector.backbone(images)  # an ordered dict: "0" to "3" are P2 to P5, "pool" is P6
    pooled = detector.roi_heads.box_roi_pool(theirs, [boxes], [tuple(picture.shape[1:])])
    checks = {
        f"P{level}": difference(maps[level - 2], theirs[str(level - 2)]) for level in (2, 3, 4, 5)
    }
    checks["box head"] = difference(trunk.box_head(pooled), detector.roi_heads.box_head(pooled))
print(*(f"{name:9} {value:.1e}" for name, value in checks.items()), sep="\n")

# %% [markdown]
# Here is a channel of P2 as both compute it. And the same channel when the file is loaded the careless way, with the
# names of an earlier project in front of each (`module.`): not a word of complaint, and random features.

# %%
careless = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=9).eval()
wrong = {f"module.{name}": tensor for name, tensor in torch.load(file, weights_only=True).items()}
careless.load_state_dict(wrong, strict=False)
with torch.no_grad():
    lost = careless.backbone(images)["0"]

figure, axes = plt.subplots(1, 4, figsize=(8.5, 2.3), layout="constrained")
panels = {
    "picture": picture.permute(1, 2, 0),
    "trunk": maps[0],
    "torchvision": theirs["0"],
    "loaded carelessly": lost,
}
for axis, (title, one) in zip(axes, panels.items(), strict=True):
    axis.imshow(one if title == "picture" else one[0, 0], cmap="viridis")
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()

# %% [markdown]
# ## timm
#
# A backbone for classifiers, segmenters, or anything else that builds on timm. Only the classifier stays random.

# %%
import timm
from safetensors.torch import load_file

file = codo.export(run, to="timm")
model = timm.create_model("resnet50").eval()
loaded = model.load_state_dict(load_file(file), strict=False)
print("unexpected:", loaded.unexpected_keys, " random still:", loaded.missing_keys)

with torch.no_grad():
    checks["timm"] = difference(trunk.backbone(images)[-1], model.forward_features(images))
print(f"last map   {checks['timm']:.1e}")

# %% [markdown]
# ## Detectron2
#
# The file that Detectron2's checkpointer reads is a pickle of arrays, with a configuration for the paper's protocol
# beside it. Detectron2 is built from source and cannot be installed everywhere, and it was not installed where this
# page was made. So we open the file, and hold its names and shapes against the list of the real model that is part of
# CoDo.

# %%
import pickle
from importlib.resources import files

file = codo.export(run, to="detectron2")
print(*sorted(one.name for one in file.parent.glob("detectron2*")), sep="\n")

with file.open("rb") as handle:  # our own file of a moment ago; do not open pickles of others
    arrays = pickle.load(handle)["model"]
print(f"\n{len(arrays)} arrays, among them")
chosen = [
    "backbone.bottom_up.stem.conv1.weight",
    "backbone.fpn_lateral2.weight",
    "roi_heads.box_head.fc1.weight",
]
print(*(f"  {name:40} {arrays[name].shape}" for name in chosen), sep="\n")

# %%
listed = (
    files("codo.exporters") / "keys/detectron2_mask_rcnn_R_50_FPN_4conv1fc_bn.tsv"
).read_text()
real = dict(
    line.split("\t")[:2]
    for line in listed.splitlines()
    if "\t" in line and not line.startswith("#")
)
shapes = {name: "x".join(map(str, array.shape)) or "scalar" for name, array in arrays.items()}
placed = [name for name in arrays if name in real]
print(f"{len(placed)} of {len(arrays)} names are names of the real model")

# %% [markdown]
# And this is what you run where Detectron2 is installed. **It was not run for this page.**
#
# ```python
# import os
# from detectron2.config import get_cfg
# from detectron2.engine import DefaultTrainer
#
# cfg = get_cfg()
# cfg.merge_from_file("detectron2_mask_rcnn_1x.yaml")
# cfg.MODEL.WEIGHTS = "detectron2_mask_rcnn.pkl"
# os.makedirs(cfg.OUTPUT_DIR, exist_ok=True)
# trainer = DefaultTrainer(cfg)
# trainer.resume_or_load(resume=False)  # its log lists what matched
# trainer.train()
# ```
#
# ## What arrives where
#
# Gray is random in every pretraining of a trunk, here or elsewhere. What an image-level method or ImageNet's weights
# leave random in addition are pyramid and box head: more than four tenths of a trunk.

# %%
parts = {
    "backbone": "backbone.body.",
    "pyramid": "backbone.fpn.",
    "box head": "roi_heads.box_head.",
}
state = {name: tensor.numel() for name, tensor in detector.named_parameters()}
sizes = {
    part: sum(count for name, count in state.items() if name.startswith(prefix)) / 1e6
    for part, prefix in parts.items()
}
sizes["random"] = sum(state.values()) / 1e6 - sum(sizes.values())
rows = {
    "CoDo in torchvision, Detectron2, mmdet": ["backbone", "pyramid", "box head"],
    "CoDo in RetinaNet, FCOS": ["backbone", "pyramid"],
    "CoDo in timm; ImageNet's weights": ["backbone"],
}
figure, axis = plt.subplots(figsize=(8.5, 1.9), layout="constrained")
for height, (label, filled) in enumerate(rows.items()):
    left = 0
    for part, color in zip(parts, (BLUE, ORANGE, GREEN), strict=True):
        if part in filled:
            axis.barh(
                label,
                sizes[part],
                left=left,
                color=color,
                height=0.55,
                label=part if height == 0 else None,
            )
            left += sizes[part]
rest = f"a Mask R-CNN has {sizes['random']:.0f} million more, which stay random"
axis.set(xlabel=f"million parameters; {rest}")
axis.invert_yaxis()
legend = axis.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)

# %% [markdown]
# ## Where to go from here
#
# [Export](../how-to/export.md) has every target with its code, and what to check in a configuration of your own: norms
# that train, the stride, the pixels' order. [The trunk in your own code](../how-to/trunk.md) has `load_trunk` with
# files and model hubs. The other direction, weights of other tools as a start: [weights](../how-to/weights.md).

# %% tags=["remove-cell"]
assert max(checks.values()) < 1e-5, checks
assert difference(maps[0], lost) > 0.1
assert not loaded.unexpected_keys
assert loaded.missing_keys == ["fc.weight", "fc.bias"]
assert len(placed) == len(arrays)
assert all(real[name] == shapes[name] for name in placed), "the shapes of the real model"
work.cleanup()
