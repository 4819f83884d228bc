"""Old names of settings: refused with the new one when typed, understood when recorded."""

from __future__ import annotations

import pytest

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.renamed import RENAMED, new_name, upgrade
from codo.models.encoder import ModelSettings
from codo.training.pretrain_settings import PretrainSettings


def test_recorded_settings_get_their_new_names_at_any_depth() -> None:
    old = {"pretrain": {"contrast": {"shuffle": 2, "queue": 8}}, "model": {"dim": 16}, "shuffle": 3, "x": {"dim": 1}}
    assert upgrade(old) == {
        "pretrain": {"contrast": {"bn_groups": 2, "queue": 8}},
        "model": {"embedding_dim": 16},
        "shuffle": 3,  # only settings of that group have moved
        "x": {"dim": 1},
    }
    assert ModelSettings.from_record('{"backbone": "resnet18", "dim": 16}', "model").embedding_dim == 16


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_typed_old_name_is_refused_with_the_new_one(old: str, new: str) -> None:
    assert new_name(old) == new
    with pytest.raises(InputError) as caught:
        resolve(PretrainSettings, "laptop", {"foregrounds": "f", "backgrounds": ["b"], "out": "o", old: 1})
    assert f"setting '{old}' is now called '{new}'" in caught.value.what


def test_other_names_are_not_taken_for_old_ones() -> None:
    assert new_name("model.dimension") is None
    assert new_name("pretrain.model.dim") == "pretrain.model.embedding_dim"
