"""A detector over a data set: every image by itself, in order, and scored as it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from codo.annotations.images import read_image
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.core.errors import CodoError
from codo.core.signals import StopSignal
from codo.detection.detector import Detector, DetectorSettings
from codo.detection.predict import predict, score
from codo.detection.results import to_results
from codo.evaluation.coco_metrics import NAMES, coco_metrics
from codo.models.encoder import ModelSettings
from codo.training.distributed import DistributedContext
from tests.annotations.synthetic import TINY
from tests.conftest import MakeData

ALONE = DistributedContext(0, 1, torch.device("cpu"))
IDS = (3, 8)


@pytest.fixture
def annotations(make_data: MakeData) -> Annotations:
    return read_annotations(DataSettings(folder=str(make_data(images=5))), "val")


@pytest.fixture(scope="module")
def detector() -> Detector:
    torch.manual_seed(0)
    settings = DetectorSettings(**{**TINY["detector"], "score_threshold": 0.0})
    return Detector(ModelSettings(**TINY["model"]), settings, classes=2, masks=False)


def predicted(detector: Detector, annotations: Annotations, **changes: Any) -> list[dict[str, Any]]:
    given = {"ids": IDS, "short_side": 64, "max_size": 128, "workers": 0, "context": ALONE, **changes}
    return predict(detector, annotations, **given)


def test_results_are_those_of_one_image_after_the_other(detector: Detector, annotations: Annotations) -> None:
    found = predicted(detector.train(), annotations)
    assert not detector.training
    ids = [row["image_id"] for row in found]
    assert sorted(set(ids)) == annotations.image_ids.tolist()
    assert ids == sorted(ids)  # in the order of the images
    assert {row["category_id"] for row in found} <= set(IDS)
    # The third image alone, as it is on disk (64 pixels high, as asked for).
    image = torch.from_numpy(read_image(annotations, 2)).permute(2, 0, 1)
    assert image.shape == (3, 64, 96)
    expected = to_results(annotations, 2, detector.detect([image], [(64, 96)])[0], IDS)
    assert [row for row in found if row["image_id"] == annotations.image_ids[2]] == expected


def test_stopping_ends_early(detector: Detector, annotations: Annotations) -> None:
    stop = StopSignal()
    stop.number = 15
    assert predicted(detector, annotations, stop=stop) == []


def test_an_image_that_cannot_be_read_is_named(detector: Detector, annotations: Annotations) -> None:
    path: Path = annotations.path(3)
    path.write_bytes(b"no image")
    with pytest.raises(CodoError, match="cannot read an image") as caught:
        predicted(detector, annotations)
    assert str(path) in caught.value.lines()[1]


def test_scores_are_coco_s_for_every_kind(annotations: Annotations) -> None:
    truth = annotations.to_coco()
    perfect = [
        {key: one[key] for key in ("image_id", "category_id", "bbox", "segmentation")} | {"score": 0.9}
        for one in truth["annotations"]
    ]
    scores = score(annotations, perfect, ["bbox"])
    assert scores.keys() == {"bbox"}
    assert scores["bbox"].numbers.keys() == set(NAMES)
    assert scores["bbox"].numbers["AP"] == pytest.approx(1)
    half = perfect[::2]
    assert score(annotations, half, ["bbox"], "pycocotools")["bbox"].numbers == pytest.approx(
        coco_metrics(truth, half, "bbox").numbers, abs=1e-6
    )
