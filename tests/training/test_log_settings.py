from __future__ import annotations

import pytest

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.training.log_settings import LogSettings


def test_nothing_leaves_the_machine_unless_asked_to() -> None:
    settings = LogSettings()
    assert (settings.wandb, settings.mlflow, settings.tensorboard) == (None, None, False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"every": 0}, "every: Input should be greater than or equal to 1"),
        ({"wandb": True}, "wandb: Input should be a valid string"),  # a project has a name
        ({"tensorbord": True}, "unknown setting 'tensorbord'"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        resolve(LogSettings, None, given)
