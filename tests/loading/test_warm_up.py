from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from codo.preparation.prepare import prepare
from tests.catalog.pictures import jpegs, write_folder

VIEWS = """
import sys
from inspect import getclosurevars
from codo.catalog.catalog import open_catalog
from codo.catalog.tile_copy import copy_tiles
from codo.loading.located_views import LocatedViews, background_box
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool, draw_image
from codo.loading.warm_up import load_kernels
from codo.views.cpj import CopyPasteJitter, CPJSettings
from codo.views.kernels import philox
from codo.views.kernels.render import render
from codo.views.photometric import AugmentSettings
from codo.views.view_choices import draw_numbers

drawn = [getclosurevars(function).nonlocals["compiled"] for function in (background_box, draw_image, draw_numbers)]
kernels = [render, copy_tiles, philox.start, philox.integer, *drawn]
load_kernels()
loaded = [list(kernel.signatures) for kernel in kernels]
catalog = open_catalog(sys.argv[1])
pool = Pool([catalog], [None])
whole = {"size": [1, 1], "jitter": 0, "photometric": "composite", "background": "resize"}
for settings, augment in ({}, {}), (whole, {"flip": 1, "color": 0, "blur_unit": "canvas"}):
    cpj = CopyPasteJitter(48, CPJSettings.model_validate(settings), AugmentSettings.model_validate(augment))
    views = LocatedViews(PastedViews(catalog, pool, pool, cpj, seed=0), 2)
    for sample in range(len(catalog)):
        views.views(0, sample, (0, 1))
assert [list(kernel.signatures) for kernel in kernels] == loaded, "a view needed another version"
assert all(len(signatures) == 1 for signatures in loaded)
"""


def test_views_find_all_their_kernels_loaded(tmp_path: Path) -> None:
    write_folder(tmp_path / "images", jpegs(4))
    prepare(tmp_path / "images", tmp_path / "catalog", pack=64, jobs=1, progress=False)
    subprocess.run([sys.executable, "-c", VIEWS, str(tmp_path / "catalog")], check=True)
