"""Finetuned detectors as files."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.detection import fasterrcnn_resnet50_fpn_v2, maskrcnn_resnet50_fpn_v2

from codo.annotations.records import Category
from codo.detection.detector import DetectorSettings
from codo.detection.detector_io import DetectorCard
from codo.models.encoder import ModelSettings


@pytest.mark.parametrize("masks", [False, True])
def test_the_papers_detector_has_torchvisions_names_and_shapes(masks: bool) -> None:
    card = DetectorCard(
        model=ModelSettings(),
        detector=DetectorSettings(),
        masks=masks,
        categories=(Category(1, "a"), Category(5, "b")),
        short_side=800,
        max_size=1333,
    )
    constructor = maskrcnn_resnet50_fpn_v2 if masks else fasterrcnn_resnet50_fpn_v2
    with torch.device("meta"):  # shapes only
        ours = card.build().detector.state_dict()
        theirs = constructor(weights=None, weights_backbone=None, num_classes=3).state_dict()
    assert {n: t.shape for n, t in ours.items()} == {n: t.shape for n, t in theirs.items()}
    assert DetectorCard.model_validate_json(card.model_dump_json()) == card
