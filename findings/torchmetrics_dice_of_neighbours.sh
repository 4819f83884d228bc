#!/usr/bin/env bash
# torchmetrics 1.9.0: the generalized Dice score of an image depends on the images beside it in the batch, and on their order.
#
# `generalized_dice_score` gives each class of an image a weight: by default 1 over the square of its pixels in the
# target. A class that is not in the target has no such weight, and gets the highest that an image of the batch has for
# it. So a false positive of such a class costs more or less by what else is in the batch, and nothing where the image is
# alone. Besides, these highest weights are laid out class by class and read image by image (in
# `_generalized_dice_update`), so that a class gets the weight of another, and the place of an image in the batch matters.
# One score is returned for each image, and GeneralizedDiceScore averages them: one expects no influence of the batch
# size, and of `shuffle`, as with `dice_score` of the same library. weight_type="simple" does the same, "linear" does not.
# Nothing is said. In batches of one image scores can be compared with each other, but there false positives of absent
# classes are free.
#
# Below the scores of one image (two classes, one found in part, and some pixels of a third class that is not there) in
# five batches.
#
# Seen on Linux, Python 3.11 (about 6 GB are installed for a while):
#   alone: Dice 0.556, generalized Dice 0.824
#   before an image with many pixels of the third class: Dice 0.556, generalized Dice 0.483
#   after an image with many pixels of the third class: Dice 0.556, generalized Dice 0.700
#   before an image with few pixels of the third class: Dice 0.556, generalized Dice 0.067
#   after an image with few pixels of the third class: Dice 0.556, generalized Dice 0.003
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchmetrics==1.9.0 numpy==2.4.6

cat > "$work/dice.py" <<'PYTHON'
import torch
from torchmetrics.functional.segmentation import dice_score, generalized_dice_score


def image(*counts):
    """An image of 100 pixels with so many pixels of each class."""
    return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)).reshape(10, 10)


target, prediction = image(60, 40, 0), image(60, 20, 20)
many, few = image(40, 20, 40), image(94, 5, 1)  # these two are predicted exactly
batches = {
    "alone": ([prediction], [target]),
    "before an image with many pixels of the third class": ([prediction, many], [target, many]),
    "after an image with many pixels of the third class": ([many, prediction], [many, target]),
    "before an image with few pixels of the third class": ([prediction, few], [target, few]),
    "after an image with few pixels of the third class": ([few, prediction], [few, target]),
}
for words, (predictions, targets) in batches.items():
    place = next(i for i, other in enumerate(targets) if other is target)
    data = torch.stack(predictions), torch.stack(targets)
    scores = [
        function(*data, num_classes=3, input_format="index")[place].item() for function in (dice_score, generalized_dice_score)
    ]
    print(f"{words}: Dice {scores[0]:.3f}, generalized Dice {scores[1]:.3f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" dice.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='alone: Dice 0.556, generalized Dice 0.824
before an image with many pixels of the third class: Dice 0.556, generalized Dice 0.483
after an image with many pixels of the third class: Dice 0.556, generalized Dice 0.700
before an image with few pixels of the third class: Dice 0.556, generalized Dice 0.067
after an image with few pixels of the third class: Dice 0.556, generalized Dice 0.003'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
