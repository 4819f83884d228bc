from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from codo.core.errors import InputError
from codo.models.encoder import Encoder, ModelSettings
from codo.models.pretrained import load_encoder, recorded_model

SLIM = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=16, head="1conv1fc", head_dim=32, embedding_dim=8)
RECORD = SLIM.model_dump_json()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"codo": "0.1.0", "model": RECORD}, SLIM),  # a trunk
        ({"codo": json.dumps({"model": json.loads(RECORD), "masks": True})}, SLIM),  # a detector
        ({"codo": "0.1.0", "model": RECORD.replace("embedding_dim", "dim")}, SLIM),  # of an earlier version
        ({"codo": "0.1.0", "model": '{"depth": 50}'}, None),
        ({"codo": "0.1.0"}, None),
        ({"format": "pt"}, None),
        ({"model": "resnet50"}, None),  # somebody else's
        (None, None),
    ],
)
def test_the_architecture_is_read_from_files_of_ours(
    header: dict[str, str] | None, expected: ModelSettings | None, tmp_path: Path
) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors", header)
    assert recorded_model(tmp_path / "model.safetensors") == expected
    assert recorded_model(tmp_path) == expected  # the folder of a hub
    assert recorded_model(tmp_path / "absent.safetensors") is None


def test_an_encoder_is_built_as_the_file_says_and_knows_what_it_has(tmp_path: Path) -> None:
    source = Encoder(SLIM)
    tensors = {f"backbone.{name}": tensor.contiguous() for name, tensor in source.backbone.state_dict().items()}
    save_file(tensors, tmp_path / "t.safetensors", {"codo": "0.1.0", "model": RECORD})
    before = torch.get_rng_state()
    encoder, parts = load_encoder(str(tmp_path / "t.safetensors"), ModelSettings())
    assert torch.equal(torch.get_rng_state(), before)
    assert parts == ("backbone",)
    assert encoder.settings.fpn_channels == 16
    assert torch.equal(encoder.backbone.conv1.weight, source.backbone.conv1.weight)
    save_file(tensors, tmp_path / "silent.safetensors")
    assert load_encoder(str(tmp_path / "silent.safetensors"), SLIM)[1] == ("backbone",)
    with pytest.raises(InputError, match=r"only \d+ of \d+ tensors of the backbone match"):
        load_encoder(str(tmp_path / "silent.safetensors"), SLIM.model_copy(update={"width": 0.25}))


def test_random_weights_are_the_same_ones_every_time() -> None:
    (one, parts), (other, _) = load_encoder("none", SLIM), load_encoder("none", SLIM)
    assert parts == ("backbone", "fpn", "box_head")
    assert torch.equal(one.projection[0].weight, other.projection[0].weight)
