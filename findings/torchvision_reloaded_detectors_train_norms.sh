#!/usr/bin/env bash
# torchvision 0.29.2: a fine-tuned detector that is built again without weights, and loaded, has norms that are not frozen.
#
# With `weights` or `weights_backbone`, the builders of Faster, Mask and Keypoint R-CNN, RetinaNet and FCOS on a ResNet-50
# (but for `_v2`) make a backbone of `FrozenBatchNorm2d`, and let its last three stages learn. Without both they take
# `BatchNorm2d`, and all learns. That is meant for a training from nothing (pull request 5443). But without both one also
# loads one's own checkpoint, to save a download: `fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, ...)`, and
# `load_state_dict`, which is strict, and says that all keys match. In eval mode the model is the same. In train mode it
# is another: it normalizes with the few images of the batch, and the statistics that were frozen move. So a training
# that goes on is another training. And as these detectors compute losses in train mode only, the usual way to a
# validation loss is `model.train()` and `torch.no_grad()`. The model as it was trained does not change by that; the one
# that was loaded does, and with it all later detections, without a step of an optimizer. Nothing is said, and the
# docstrings do not name the norms. (Who passes `trainable_backbone_layers` is warned that it has no effect.)
#
# `resnet_fpn_backbone(backbone_name="resnet50", weights=None)` has frozen norms and needs no download; `FasterRCNN` takes
# it. (Detectors that began with the COCO weights of version 1 have another eps besides, see issue 8502.)
#
# Below random weights stand for those of ImageNet, in the place where torchvision would keep its download. The validation
# computes the losses of four batches of two images.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   as it was trained: FrozenBatchNorm2d, 42 parameters learn, the validation changes features by 0%
#   loaded again: <All keys matched successfully>
#   loaded again: in eval mode its features differ by 0%
#   loaded again: BatchNorm2d, 159 parameters learn, the validation changes features by 53%
#   loaded into resnet_fpn_backbone: FrozenBatchNorm2d, 42 parameters learn, the validation changes features by 0%
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 numpy==2.4.6

cat > "$work/reload.py" <<'PYTHON'
from pathlib import Path

import torch
from torch.optim.swa_utils import update_bn
from torchvision.models import ResNet50_Weights, resnet50
from torchvision.models.detection import FasterRCNN, fasterrcnn_resnet50_fpn
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

torch.set_num_threads(1)
torch.manual_seed(0)
standin = resnet50()
update_bn([torch.randn(4, 3, 96, 96) for _ in range(2)], standin)
folder = Path(torch.hub.get_dir(), "checkpoints")
folder.mkdir(parents=True)
torch.save(standin.state_dict(), folder / Path(ResNet50_Weights.IMAGENET1K_V1.url).name)

images = [torch.rand(3, 96, 96) for _ in range(8)]
target = {"boxes": torch.tensor([[10.0, 10, 60, 60]]), "labels": torch.tensor([1])}
options = {"num_classes": 3, "min_size": 96, "max_size": 96}


def tell(words, model):
    """What a validation in train mode does to the model."""
    with torch.no_grad():
        before = model.eval().backbone(torch.stack(images))["0"]
        model.train()
        for start in range(0, 8, 2):
            model(images[start : start + 2], [target] * 2)
        after = model.eval().backbone(torch.stack(images))["0"]
    change = (after - before).norm() / before.norm()
    kind = type(model.backbone.body.bn1).__name__
    learn = sum(parameter.requires_grad for parameter in model.backbone.body.parameters())
    print(f"{words}: {kind}, {learn} parameters learn, the validation changes features by {change:.0%}")


trained = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=ResNet50_Weights.IMAGENET1K_V1, **options)
tell("as it was trained", trained)
loaded = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, **options)
print(f"loaded again: {loaded.load_state_dict(trained.state_dict())}")
with torch.no_grad():
    a, b = (model.eval().backbone(torch.stack(images))["0"] for model in (trained, loaded))
print(f"loaded again: in eval mode its features differ by {(a - b).norm() / a.norm():.0%}")
tell("loaded again", loaded)
frozen = FasterRCNN(resnet_fpn_backbone(backbone_name="resnet50", weights=None), **options)
frozen.load_state_dict(trained.state_dict())
tell("loaded into resnet_fpn_backbone", frozen)
PYTHON

cd "$work"
export TORCH_HOME="$work/torch"
seen="$("$work/venv/bin/python" reload.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='as it was trained: FrozenBatchNorm2d, 42 parameters learn, the validation changes features by 0%
loaded again: <All keys matched successfully>
loaded again: in eval mode its features differ by 0%
loaded again: BatchNorm2d, 159 parameters learn, the validation changes features by 53%
loaded into resnet_fpn_backbone: FrozenBatchNorm2d, 42 parameters learn, the validation changes features by 0%'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
