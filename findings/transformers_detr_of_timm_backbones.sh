#!/usr/bin/env bash
# transformers 5.24.0: a DETR on an EfficientNet, MobileNet or RegNet of timm has lost activation functions of its backbone.
#
# A DETR freezes the BatchNorm of its backbone. For that `replace_batch_norm` puts a `DetrFrozenBatchNorm2d`, a scale and
# a shift, in the place of every module that is a `torch.nn.BatchNorm2d`. In EfficientNet, MobileNetV2 and V3, RegNet and
# others of timm that module is a `BatchNormAct2d`, a derived class which is the normalization and the activation function
# after it. With the norm goes the function (and the norm's own eps becomes 1e-5). ResNet-50, the default, has the plain
# class, and is right. An EfficientNet-B0 keeps a third of its functions, and a MobileNetV2 becomes a linear function of
# the pixels. The names of the weights stay as they are: the weights of timm's network load strictly, all keys match, and
# they give features that are not those that they were trained for. A DETR is trained on that, its checkpoints load as it
# was trained, and nothing is said. Conditional, Deformable and DAB-DETR, Table Transformer, RT-DETR, D-FINE and
# Grounding DINO have a copy of the function each.
#
# `TimmBackboneConfig(..., freeze_batch_norm_2d=True)` lets timm freeze the norms before that. It knows its own classes,
# and leaves nothing to replace.
#
# Below the backbones of small DETRs with the weights of the same network of timm (random ones, with the statistics of
# random images): are all their features within 0.1% of timm's? Then whether a network is linear, plus a constant: whether
# its features of a + b are those of a and of b together, less those of 0. At last other models with a MobileNetV2.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   resnet50, as it is: 49 of 49 activation functions, the features of timm
#   resnet50, frozen by timm: 49 of 49 activation functions, the features of timm
#   efficientnet_b0, as it is: 16 of 48 activation functions, not the features of timm
#   efficientnet_b0, frozen by timm: 48 of 48 activation functions, the features of timm
#   mobilenetv3_large_100, as it is: 9 of 39 activation functions, not the features of timm
#   mobilenetv3_large_100, frozen by timm: 39 of 39 activation functions, the features of timm
#   regnety_004, as it is: 32 of 65 activation functions, not the features of timm
#   regnety_004, frozen by timm: 65 of 65 activation functions, the features of timm
#   mobilenetv2_100, as it is: 0 of 34 activation functions, not the features of timm
#   mobilenetv2_100, frozen by timm: 34 of 34 activation functions, the features of timm
#   mobilenetv2_100, timm: not linear
#   mobilenetv2_100, DETR: linear
#   no activation functions either: ConditionalDetr, DeformableDetr, DabDetr, TableTransformer, RTDetr, DFine, GroundingDino
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 timm==1.0.31 torch==2.15.0 \
  torchvision==0.29.2 numpy==2.4.6 pillow==13.0.0

cat > "$work/backbones.py" <<'PYTHON'
import timm
import torch
import transformers
from torch import nn
from torch.optim.swa_utils import update_bn
from transformers import DetrConfig, DetrModel, TimmBackboneConfig

LEVELS = [1, 2, 3, 4]
SMALL = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}


def backbone(model, weights=None):
    """The network of timm in a model, with these weights."""
    network = next(module for module in model.eval().modules() if hasattr(module, "feature_info"))
    if weights:
        assert str(network.load_state_dict(weights)) == "<All keys matched successfully>"
    return network


def functions(network):
    """How many activation functions a network has."""
    return sum(isinstance(module, (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish)) for module in network.modules())


def tell(words, network, reference, image):
    """Compare a backbone with the network of timm."""
    levels = zip(network(image), reference(image), strict=True)
    same = all((a - b).abs().max() < 0.001 * b.abs().max() for a, b in levels)
    count = f"{functions(network)} of {functions(reference)} activation functions"
    print(f"{words}: {count}, {'the' if same else 'not the'} features of timm")


def bend(network, a, b):
    """How far the network is from a linear function, as a share of its largest value."""
    ab, a, b, zero = (network(image)[-1] for image in (a + b, a, b, torch.zeros_like(a)))
    return ((ab - a - b + zero).abs().max() / ab.abs().max()).item()


torch.manual_seed(0)
torch.set_num_threads(1)
with torch.no_grad():
    for name in ("resnet50", "efficientnet_b0", "mobilenetv3_large_100", "regnety_004", "mobilenetv2_100"):
        reference = timm.create_model(name, features_only=True, out_indices=LEVELS)
        update_bn([torch.randn(4, 3, 64, 64) for _ in range(2)], reference)
        reference.eval()
        image, other = torch.randn(2, 1, 3, 64, 64)
        plain = backbone(DetrModel(DetrConfig(backbone=name, **SMALL)), reference.state_dict())
        config = TimmBackboneConfig(backbone=name, out_indices=LEVELS, freeze_batch_norm_2d=True)
        frozen = backbone(DetrModel(DetrConfig(backbone_config=config, **SMALL)), reference.state_dict())
        tell(f"{name}, as it is", plain, reference, image)
        tell(f"{name}, frozen by timm", frozen, reference, image)
for words, network in (("timm", reference), ("DETR", plain)):
    print(f"mobilenetv2_100, {words}: {'not ' if bend(network, image, other) > 0.001 else ''}linear")

left = []  # the models that have left none
for name in ("ConditionalDetr", "DeformableDetr", "DabDetr", "TableTransformer", "RTDetr", "DFine", "GroundingDino"):
    config = {"backbone_config": TimmBackboneConfig(backbone="mobilenetv2_100", out_indices=LEVELS[1:])}
    if name in ("RTDetr", "DFine"):
        config["encoder_in_channels"] = [32, 96, 320]
    config = getattr(transformers, f"{name}Config")(encoder_layers=1, decoder_layers=1, **config)
    if functions(backbone(getattr(transformers, f"{name}Model")(config))) == 0:
        left.append(name)
print(f"no activation functions either: {', '.join(left)}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" backbones.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='resnet50, as it is: 49 of 49 activation functions, the features of timm
resnet50, frozen by timm: 49 of 49 activation functions, the features of timm
efficientnet_b0, as it is: 16 of 48 activation functions, not the features of timm
efficientnet_b0, frozen by timm: 48 of 48 activation functions, the features of timm
mobilenetv3_large_100, as it is: 9 of 39 activation functions, not the features of timm
mobilenetv3_large_100, frozen by timm: 39 of 39 activation functions, the features of timm
regnety_004, as it is: 32 of 65 activation functions, not the features of timm
regnety_004, frozen by timm: 65 of 65 activation functions, the features of timm
mobilenetv2_100, as it is: 0 of 34 activation functions, not the features of timm
mobilenetv2_100, frozen by timm: 34 of 34 activation functions, the features of timm
mobilenetv2_100, timm: not linear
mobilenetv2_100, DETR: linear
no activation functions either: ConditionalDetr, DeformableDetr, DabDetr, TableTransformer, RTDetr, DFine, GroundingDino'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
