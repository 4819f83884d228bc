"""Supervised pretraining: the loss, and the classes of folders."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from torch.nn import functional as F

import codo
from codo.core.errors import InputError
from codo.loading.dataset_inputs import DatasetInputs
from codo.methods.base import NoOptions
from codo.methods.supervised import LabeledCrops, Supervised
from codo.views.cpj import CPJSettings
from codo.views.photometric import AugmentSettings
from tests.methods.crops import batch, build


def test_supervised_is_cross_entropy() -> None:
    method, data = build(Supervised, classes=3), batch(1)
    scores = method.encoder.projection(method.encoder.backbone(method.pixels(data.views[0]))[-1].mean(dim=(2, 3)))
    assert method(data).loss.item() == pytest.approx(F.cross_entropy(scores, data.labels).item(), rel=1e-5)


def test_the_share_of_right_answers_by_hand() -> None:
    method, data = build(Supervised, classes=3), batch(1)
    output = method(data)
    guesses = method.encoder.project(method.views(data)[0]).argmax(dim=1).tolist()
    right = [guess == label for guess, label in zip(guesses, data.labels.tolist(), strict=True)]
    assert float(output.stats["top1"]) == pytest.approx(np.mean(right))
    assert int(method.state_dict()["classes"]) == 3  # a checkpoint says how many there were


def labeled(folder: Path, names: tuple[str, ...]) -> LabeledCrops:
    """The data set of pictures with these names."""
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    for name in names:
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "images" / name), image)
    catalog = codo.prepare(folder / "images", folder / "catalog", propose=False, jobs=1)
    return Supervised.dataset(
        DatasetInputs(catalog, None, None, 32, 1, CPJSettings(), AugmentSettings(), NoOptions(), seed=0)
    )


def test_the_class_is_the_first_folder_of_the_name(tmp_path: Path) -> None:
    made = labeled(tmp_path, ("owl/1.png", "ant/deep/2.png", "owl/3.png", "bee/4.png"))
    assert made.classes == ("ant", "bee", "owl")
    assert made.labels is not None
    found = {made.images.key(i): made.classes[made.labels[i]] for i in range(4)}
    assert found == {"owl/1.png": "owl", "ant/deep/2.png": "ant", "owl/3.png": "owl", "bee/4.png": "bee"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("1.png", "owl/2.png", "ant/3.png"), r"1 images are not in a class folder \(the first: 1.png\)"),
        (("owl/1.png", "owl/2.png"), "there is only one class: owl"),
    ],
)
def test_images_without_two_classes_are_refused(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        labeled(tmp_path, names)
    assert len(caught.value.lines()) == 3
