#!/usr/bin/env bash
# transformers 5.24.0: in a panoptic segmentation by Mask2Former an object gets all pixels that no other one has.
#
# `mask_threshold` is the "threshold to use when turning the predicted masks into binary values". In the original MaskFormer
# and Mask2Former a pixel belongs to the query that is best there only if that query's mask has a probability of 0.5 there;
# the rest is void. `post_process_panoptic_segmentation` does not ask this: each pixel goes to the best of the queries that
# are left, if each of them says no. One sure object, of 6% of the pixels, becomes a segment that is the whole image. The
# area that the threshold gives is used for one question only, whether a segment is kept (more than 0.8 of it must be left),
# and it is taken of mask times score: at a score of 0.6 a mask needs 0.83 everywhere, otherwise the object is lost. So what
# is not seen, or is below `threshold`, goes to a neighbor. Nothing is said. MaskFormer and OneFormer have this function too,
# and `pipeline("image-segmentation")` calls it. Where queries of stuff cover the whole image it hardly shows.
# EoMT's function, in the same package, does what the papers do. So take the masks of the queries, and their scores, and
# do it yourself; `post_process_instance_segmentation` asks for 0.5 at each pixel.
#
# Below the shares of the pixels that objects get; each has 6.25% of the pixels.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   one object, 6% of the pixels:
#     MaskFormer: 100%
#     Mask2Former: 100%
#     Eomt: 6%
#   the same, mask_threshold=0.9:
#     MaskFormer: nothing
#     Mask2Former: nothing
#     Eomt: 6%
#   two objects of 6%:
#     MaskFormer: 94%, 6%
#     Mask2Former: 94%, 6%
#     Eomt: 6%, 6%
#   two objects of 6%, the second with score 0.6 and mask 0.8:
#     MaskFormer: 94%
#     Mask2Former: 94%
#     Eomt: 6%, 6%
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 torch==2.15.0 \
  torchvision==0.29.2 numpy==2.4.6 pillow==13.0.0

cat > "$work/fills.py" <<'PYTHON'
from types import SimpleNamespace

import torch
from transformers import EomtImageProcessor, Mask2FormerImageProcessor, MaskFormerImageProcessor

SIDE = 384


def outputs(*queries):
    """What a model says of 384 x 384 pixels: for each query its score, its rectangle, and the probability of the mask there."""
    classes, masks = torch.zeros(1, len(queries), 3), torch.zeros(1, len(queries), SIDE, SIDE)
    for query, (score, (top, left, bottom, right), inside) in enumerate(queries):
        rest = (1 - score) / 2
        classes[0, query] = torch.tensor([score, rest, rest]).log()
        masks[0, query] = -8
        masks[0, query, top:bottom, left:right] = torch.tensor(inside).logit()
    return SimpleNamespace(class_queries_logits=classes, masks_queries_logits=masks)


def tell(words, said, **options):
    print(f"{words}:")
    for kind in (MaskFormerImageProcessor, Mask2FormerImageProcessor, EomtImageProcessor):
        result = kind().post_process_panoptic_segmentation(said, target_sizes=[(SIDE, SIDE)], threshold=0.5, **options)[0]
        share = [(result["segmentation"] == one["id"]).double().mean().item() for one in result["segments_info"]]
        text = ", ".join(f"{one:.0%}" for one in share) or "nothing"
        print(f"  {kind.__name__.removesuffix('ImageProcessor')}: {text}")


first, second = (48, 48, 144, 144), (192, 240, 288, 336)
tell("one object, 6% of the pixels", outputs((0.9, first, 0.95)))
tell("the same, mask_threshold=0.9", outputs((0.9, first, 0.95)), mask_threshold=0.9)
tell("two objects of 6%", outputs((0.9, first, 0.95), (0.8, second, 0.95)))
tell("two objects of 6%, the second with score 0.6 and mask 0.8", outputs((0.9, first, 0.95), (0.6, second, 0.8)))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" fills.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='one object, 6% of the pixels:
  MaskFormer: 100%
  Mask2Former: 100%
  Eomt: 6%
the same, mask_threshold=0.9:
  MaskFormer: nothing
  Mask2Former: nothing
  Eomt: 6%
two objects of 6%:
  MaskFormer: 94%, 6%
  Mask2Former: 94%, 6%
  Eomt: 6%, 6%
two objects of 6%, the second with score 0.6 and mask 0.8:
  MaskFormer: 94%
  Mask2Former: 94%
  Eomt: 6%, 6%'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
