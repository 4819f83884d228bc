"""What may be given as ``probe.*``, and paths that a later command finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from codo.probes.probe_settings import LabeledProbeSettings, ProbeSettings


def test_paths_become_absolute_and_the_rest_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = ProbeSettings.model_validate({"data": "voc", "image_folder": "pictures", "boxes": 50, "every": 7})
    resolved = given.with_absolute_paths()
    assert isinstance(resolved, ProbeSettings)
    assert resolved.data is not None
    assert resolved.data.folder == str(tmp_path / "voc")
    assert resolved.image_folder == str(tmp_path / "pictures")
    assert resolved.model_dump(exclude={"data", "image_folder"}) == given.model_dump(exclude={"data", "image_folder"})
    assert resolved.with_absolute_paths() == resolved
    assert given.image_folder == "pictures"  # the given ones are left alone


def test_without_labels_there_is_nothing_to_resolve() -> None:
    assert LabeledProbeSettings().with_absolute_paths() == LabeledProbeSettings()
    assert ProbeSettings().data is None


@pytest.mark.parametrize(
    "wrong",
    [{"boxes": 1}, {"images": 1}, {"every": -1}, {"proposals": 1}, {"group": 1}, {"data": {}}, {"pictures": "x"}],
)
def test_values_that_make_no_probe_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProbeSettings.model_validate(wrong)


def test_the_labeled_probes_of_a_finished_run_have_no_steps() -> None:
    with pytest.raises(ValidationError):
        LabeledProbeSettings.model_validate({"every": 3})
