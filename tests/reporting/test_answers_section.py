"""Curves and pictures of methods that answer questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from codo.core.run import Run
from codo.loading.examples import Examples
from codo.reporting.report import write_report

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]


def test_loss_answers_and_examples(make_run: MakeRun, read_page: ReadPage) -> None:
    rows = [{"step": step, "loss": 1.4 - step / 100, "top1": 0.25 + step / 100} for step in range(1, 21)]
    run = make_run(rows)
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16, 3), dtype=np.uint8)
    Examples(images, ("lightness", "answer", "truth"), "Crops of images.").write(run.path)
    page = read_page(write_report(run))
    said = " ".join(a["aria-label"] or "" for a in page.attributes("div") if a.get("role") == "img")
    assert "Loss. loss from 1.39 to 1.20" in said
    assert "Right answers (%). all from 26.0 to 45.0" in said
    assert len(page.attributes("img")) == 6
    assert "Crops of images." in page.text
    assert "Loss of the discriminator" not in page.text


def test_methods_with_levels_have_no_such_section(make_run: MakeRun, healthy: Any, read_page: ReadPage) -> None:
    page = read_page(write_report(make_run(healthy)))
    assert "Right answers" not in page.text
