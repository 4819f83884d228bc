"""Detectron2: a ``.pkl`` in its own format and the configurations of the paper's protocol, 1x and 2x.

The pickle holds ``{"model": {name: array}, "__author__": "CoDo", "matching_heuristics": True}``; with both of the first
keys Detectron2 reads it as its own (METHOD 1.7). Names are full ones, so that the matching heuristics have nothing to
guess. Arrays are pickled by the public ``numpy.ndarray`` alone: NumPy's own way names a private module that versions
before 1.26 do not have, and those are common beside Detectron2.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from codo.export.detectron2_config import config
from codo.export.named import NamedTarget
from codo.export.trunk import Trunk
from codo.models.load_report import IGNORED

COMPONENTS = {
    "backbone": "backbone.bottom_up.",
    "fpn": "backbone.fpn_",
    "box_head": "roi_heads.box_head.",
    "rpn": "proposal_generator.",
    "box_predictor": "roi_heads.box_predictor.",
    "mask_head": "roi_heads.mask_head.",
}
"""Component of the detector -> how its names begin."""

KEY_LISTS = {
    "4conv1fc": "detectron2_mask_rcnn_R_50_FPN_4conv1fc_bn",
    "2fc": "detectron2_mask_rcnn_R_50_FPN",
}
"""Box head -> the list of names and shapes of the R-50 Mask R-CNN with it."""


class Detectron2(NamedTarget):
    """A ``.pkl`` with two YAML files beside it."""

    layout = "detectron2"
    components = COMPONENTS
    key_lists = KEY_LISTS
    fallback = KEY_LISTS["4conv1fc"]

    @property
    def filename(self) -> str:
        """One name per detector; the configurations differ."""
        return f"detectron2_{self.detector}.pkl"

    def state(self, trunk: Trunk) -> dict[str, Tensor]:
        """The trunk under Detectron2's names.

        Without convolutions in the head, BatchNorm's counters are left out: Detectron2's stock model of that kind has
        FrozenBN, which has none. Nothing reads them.
        """
        state = super().state(trunk)
        if trunk.model.head == "2fc":
            return {name: tensor for name, tensor in state.items() if not name.endswith(IGNORED)}
        return state

    def write(self, trunk: Trunk, path: Path) -> None:
        """Write the pickle."""
        arrays = {name: tensor.numpy() for name, tensor in self.state(trunk).items()}
        with path.open("wb") as file:
            _Pickler(file, protocol=5).dump({"model": arrays, "__author__": "CoDo", "matching_heuristics": True})

    def read(self, path: Path) -> dict[str, Tensor]:
        """Read the pickle as Detectron2 does; only ever called on what was just written."""
        with path.open("rb") as file:
            content = pickle.load(file, encoding="latin1")
        return {name: torch.from_numpy(array) for name, array in content["model"].items()}

    def usage(self, trunk: Trunk, name: str) -> str:
        """Python that trains from the file called ``name``."""
        stem = Path(name).stem
        return (
            "from detectron2.config import get_cfg\nfrom detectron2.engine import DefaultTrainer\n\n"
            f'cfg = get_cfg()\ncfg.merge_from_file("{stem}_1x.yaml")\ncfg.MODEL.WEIGHTS = "{name}"\n'
            "trainer = DefaultTrainer(cfg)\ntrainer.resume_or_load(resume=False)\n"
        )

    def companions(self, trunk: Trunk, name: str) -> dict[str, str]:
        """The two configurations."""
        stem = Path(name).stem
        masks = self.detector == "mask_rcnn"
        return {f"{stem}_{length}x.yaml": config(trunk.model, name, masks, length) for length in (1, 2)}


class _Pickler(pickle.Pickler):
    """Pickles arrays as ``numpy.ndarray(shape, dtype, buffer)``; the buffer is a bytearray, which can be written to."""

    def reducer_override(self, value: Any) -> Any:
        """See `pickle.Pickler.reducer_override`."""
        if isinstance(value, np.ndarray):
            return np.ndarray, (value.shape, value.dtype.str, bytearray(value.tobytes()))
        return NotImplemented
