from __future__ import annotations

import pytest
import torch

from codo.core.errors import CodoError, InputError
from codo.models.load_report import compare

COMPONENTS = {"backbone": "backbone.", "fpn": "backbone.fpn.", "head": "head."}


def report() -> object:
    model = {
        "backbone.a": torch.zeros(2),
        "backbone.b": torch.zeros(3),
        "backbone.fpn.a": torch.zeros(1),
        "head.fc": torch.zeros(4, 2),
        "head.num_batches_tracked": torch.zeros(()),
    }
    file = {
        "backbone.a": torch.ones(2),
        "backbone.b": torch.ones(3),
        "backbone.num_batches_tracked": torch.ones(()),
        "head.fc": torch.ones(4, 3),
        "fc.bias": torch.ones(1),
    }
    return compare(model, file, COMPONENTS)


def test_counts_by_component() -> None:
    assert report().counts() == {
        "backbone": (2, 0, 0, 0),
        "fpn": (0, 1, 0, 0),
        "head": (0, 0, 0, 1),
        "other": (0, 0, 1, 0),
    }


def test_table_shows_counts_and_shapes() -> None:
    lines = report().table().splitlines()
    assert lines[0].split() == ["component", "matched", "missing", "unexpected", "other", "shape"]
    assert lines[1].split() == ["backbone", "2", "0", "0", "0"]
    assert lines[-1] == "  head.fc: 4x3 in the file, 4x2 in the model"


def test_require_passes_complete_components_and_refuses_others() -> None:
    report().require(["backbone"], where="f", fix="g")
    with pytest.raises(
        CodoError, match=r"0 of 1 tensors of the fpn match \(backbone.fpn.a is missing; the file has fc.bias\)"
    ):
        report().require(["backbone", "fpn"], where="f", fix="g")
    with pytest.raises(InputError, match=r"head match \(head.fc is 4x3, not 4x2\)"):
        report().require(["head"], where="f", fix="g", error=InputError)
    with pytest.raises(CodoError, match="0 of 0 tensors of the mask_head"):
        report().require(["mask_head"], where="f", fix="g")
