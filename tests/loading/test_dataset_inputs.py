"""Pasted views from a run's settings: refused without backgrounds, colored on the device only where possible."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codo
from codo.core.errors import InputError
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.pools import Pool
from codo.methods.base import NoOptions
from codo.views.cpj import CPJSettings
from codo.views.photometric import AugmentSettings


def inputs(catalog: Path, *, backgrounds: bool = True, device: str = "cpu") -> DatasetInputs:
    images = codo.open_catalog(catalog)
    pool = Pool([images], [None]) if backgrounds else None
    return DatasetInputs(
        images=images,
        query=pool,
        key=pool,
        canvas=64,
        views=2,
        pasting=CPJSettings(jitter=0),
        augment=AugmentSettings.model_validate({"device": device}),
        options=NoOptions(),
        seed=7,
    )


def test_pasted_views_have_the_settings_of_the_run(catalog: Path) -> None:
    given = inputs(catalog)
    made = given.pasted_views()
    assert made.seed == 7
    assert (made.cpj.canvas, made.cpj.settings, made.cpj.augment) == (64, given.pasting, given.augment)
    assert (made.foregrounds, made.query, made.key) == (given.images, given.query, given.key)
    (view,) = made.views(0, 3, [1])
    assert view.image.shape == (64, 64, 3)
    assert view.box.tolist() == view.pasted.tolist()  # cpj.jitter=0


@pytest.mark.parametrize(
    ("device", "may_defer", "defers"),
    [("cpu", False, False), ("cpu", True, False), ("device", False, False), ("device", True, True)],
)
def test_colors_are_deferred_where_the_user_wants_it_and_the_batch_can(
    catalog: Path, device: str, may_defer: bool, defers: bool
) -> None:
    made = inputs(catalog, device=device).pasted_views(may_defer=may_defer)
    assert made.cpj.defer_photometric is defers
    assert (made.views(0, 0, [0])[0].changes is not None) is defers


def test_missing_backgrounds_are_refused(catalog: Path) -> None:
    with pytest.raises(InputError, match="the backgrounds are missing") as caught:
        inputs(catalog, backgrounds=False).pasted_views()
    assert len(caught.value.lines()) == 3
    assert "backgrounds=[" in caught.value.fix


def test_what_is_said_about_image_files(catalog: Path, tmp_path: Path) -> None:
    """A plain folder of 12 bits is prepared without its summary being printed: the run's log has its warnings."""
    assert inputs(catalog).image_notes() == []
    values = np.linspace(7000, 8000, 48 * 48).reshape(48, 48).astype(np.uint16)
    (tmp_path / "in").mkdir()
    Image.fromarray(values).save(tmp_path / "in" / "a.png")
    codo.prepare(tmp_path / "in", tmp_path / "plain", jobs=1)
    (note,) = inputs(tmp_path / "plain").image_notes()
    assert note.startswith(f"{tmp_path / 'plain'}: none of 1 images of more than 8 bits uses a tenth of its range")
    codo.prepare(tmp_path / "in", tmp_path / "ranged", jobs=1, value_range=[7000, 8000])
    said = "images became colors by value_range=[7000,8000]; labeled images are read likewise"
    assert inputs(tmp_path / "ranged").image_notes() == [said]
    mixed = replace(inputs(tmp_path / "ranged"), query=inputs(catalog).query)
    assert mixed.image_notes() == [
        "images became colors in different ways (foregrounds: value_range=[7000,8000]; backgrounds: default; "
        "backgrounds: value_range=[7000,8000]); labeled images are read as the foregrounds"
    ]
