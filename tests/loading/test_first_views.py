"""What the views of the first batch show: small views with a blur made for large ones are told, the papers' are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import codo
from codo.catalog.catalog import open_catalog
from codo.core.config import resolve
from codo.core.run import Run
from codo.evaluation.start_warnings import view_warnings
from codo.loading import first_views
from codo.loading.first_views import FirstViews
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool
from codo.training.pretrain_settings import PretrainSettings
from codo.views.cpj import CopyPasteJitter

RECIPES = ["codo_200ep", "codo_m", "insloc", "laptop", "demo"]


def views_of(catalog: Path, recipe: str, **changes: Any) -> PastedViews:
    given = {"foregrounds": "images", "backgrounds": ["images"], "out": "run"}
    settings = resolve(PretrainSettings, recipe, {**given, **changes})
    images = open_catalog(catalog)
    pool = Pool([images], [None])
    cpj = CopyPasteJitter(settings.canvas, settings.cpj, settings.augment)
    return PastedViews(images, pool, pool, cpj, seed=0)


@pytest.fixture(scope="module")
def natural(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of 24 pictures with the spectrum of photographs: amplitudes that fall with the frequency, 1 / f."""
    folder = tmp_path_factory.mktemp("natural")
    (folder / "images").mkdir()
    fy, fx = np.meshgrid(np.fft.fftfreq(240), np.fft.fftfreq(320), indexing="ij")
    frequency = np.maximum(np.hypot(fx, fy), 1 / 320)
    for number in range(24):
        noise = np.fft.fft2(np.random.default_rng(number).normal(size=(240, 320)))
        gray = np.real(np.fft.ifft2(noise / frequency))
        gray = np.clip(127 + 50 * (gray - gray.mean()) / gray.std(), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"images/{number:02}.png"), gray)
    codo.prepare(folder / "images", folder / "catalog", jobs=1, proposals={"mode": "single"})
    return folder / "catalog"


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_show_enough(natural: Path, recipe: str) -> None:
    first = FirstViews.measure(views_of(natural, recipe), range(24), 2)
    assert (first.samples, first.views) == (24, 48)
    assert view_warnings(first) == []
    assert first.detail is None or first.detail > 0.5


def test_small_views_with_the_blur_of_large_ones_are_told(natural: Path) -> None:
    first = FirstViews.measure(views_of(natural, "paper_laptop"), range(24), 2)
    (warning,) = view_warnings(first)
    assert first.detail is not None
    assert first.detail < 1 / 3
    assert 32 < first.pixels < 64
    assert f"Blur leaves {first.detail:.0%} of the fine detail" in warning
    assert "Set augment.blur_unit=canvas, or augment.blur=0." in warning
    for cure in ({"augment": {"blur_unit": "canvas"}}, {"augment": {"blur": 0}}):  # what the warning asks for
        assert view_warnings(FirstViews.measure(views_of(natural, "paper_laptop", **cure), range(24), 2)) == []


def test_small_crops_are_told(natural: Path) -> None:
    changes = {"cpj": {"foreground_area": [0.1, 0.4]}, "augment": {"blur": 0}}
    first = FirstViews.measure(views_of(natural, "codo_200ep", **changes), range(24), 2)
    assert first.area == pytest.approx(0.25, abs=0.05)
    (warning,) = view_warnings(first)
    assert "Set cpj.foreground_area=[0.4,1.0]" in warning
    assert (first.blurred, first.detail) == (0, None)
    assert "no view is blurred" in first.words()


def test_blur_that_is_rare_is_not_told() -> None:
    assert view_warnings(FirstViews(64, 128, 0.5, 31, 0.1, 46)) == []
    assert len(view_warnings(FirstViews(64, 128, 0.5, 32, 0.1, 46))) == 1
    assert view_warnings(FirstViews(4, 8, 0.5, 7, 0.1, 46)) == []


def test_pastes_are_those_of_the_views(natural: Path) -> None:
    for changes in ({}, {"cpj": {"photometric": "composite"}}, {"cpj": {"background": "resize", "aspect": "keep"}}):
        pasted = views_of(natural, "codo_200ep", **changes)
        pasted.cpj.defer_photometric = True  # views then tell the parameters of their blur
        for sample in range(6):
            proposal = pasted.proposal(0, sample)
            view, paste = pasted.view(proposal, 0, sample, 1), pasted.paste(proposal, 0, sample, 1)
            assert tuple(view.pasted) == paste.corners
            assert view.changes is not None
            np.testing.assert_array_equal(view.changes[1], paste.change.numbers().astype(np.float32))


def test_large_images_end_the_measurement(natural: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_views, "PIXELS", 10 * 240 * 320)
    assert FirstViews.measure(views_of(natural, "paper_laptop"), range(24), 2).samples == 10
    monkeypatch.setattr(first_views, "PIXELS", 1)
    assert FirstViews.measure(views_of(natural, "paper_laptop"), range(24), 2).samples == first_views.FEWEST


def test_what_is_written_is_read(tmp_path: Path) -> None:
    first = FirstViews(64, 128, 0.48, 67, 0.76, 166.0)
    first.write(Run(tmp_path))
    assert json.loads((tmp_path / "views.json").read_text())["detail"] == 0.76
    assert FirstViews.read(Run(tmp_path)) == first
    (tmp_path / "views.json").write_text('{"samples": 1}')
    assert FirstViews.read(Run(tmp_path)) is None
    assert FirstViews.read(Run(tmp_path / "absent")) is None


@pytest.mark.photographs
def test_photographs(test_data: Path, tmp_path: Path) -> None:
    """The numbers of docs/healthy-run.md come from photographs like these."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, file in enumerate(sorted((test_data / "pretrain").rglob("*.jp*g"))[::200][:64]):
        (folder / f"{number:02}.jpg").symlink_to(file)
    codo.prepare(folder, tmp_path / "catalog", jobs=1)
    samples = range(len(open_catalog(tmp_path / "catalog")))
    for recipe in RECIPES:
        assert view_warnings(FirstViews.measure(views_of(tmp_path / "catalog", recipe), samples, 2)) == []
    (warning,) = view_warnings(FirstViews.measure(views_of(tmp_path / "catalog", "paper_laptop"), samples, 2))
    assert "Blur leaves" in warning
