"""Detectron2: a ``.pkl`` in its own format and the configurations of the paper's protocol, 1x and 2x.

The pickle holds ``{"model": {name: array}, "__author__": "CoDo", "matching_heuristics": True}``; given the first two
keys, Detectron2 reads it as its own format (docs/method.md#export). Names are complete, so the matching heuristics have
nothing to guess. Arrays are pickled as calls of the public ``numpy.ndarray``: NumPy's default names a private module
that versions before 1.26 do not have, and such versions are common in Detectron2 environments.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from codo.core.errors import InputError
from codo.exporters.detectron2_config import config
from codo.exporters.named import NamedTarget
from codo.exporters.target import MAPS, Features
from codo.exporters.trunk import TrunkWeights
from codo.models.load_report import IGNORED

COMPONENTS = {
    "backbone": "backbone.bottom_up.",
    "fpn": "backbone.fpn_",
    "box_head": "roi_heads.box_head.",
    "rpn": "proposal_generator.",
    "box_predictor": "roi_heads.box_predictor.",
    "mask_head": "roi_heads.mask_head.",
}
"""Component of the detector -> prefix of its tensor names."""

KEY_LISTS = {
    "4conv1fc": "detectron2_mask_rcnn_R_50_FPN_4conv1fc_bn",
    "2fc": "detectron2_mask_rcnn_R_50_FPN",
}
"""Box head -> the list of names and shapes of the R-50 Mask R-CNN with that head."""


class Detectron2(NamedTarget):
    """A ``.pkl`` file and two YAML configurations."""

    file = "detectron2_{detector}.pkl"
    library = "detectron2"
    layout = "detectron2"
    components = COMPONENTS
    key_lists = KEY_LISTS
    fallback = KEY_LISTS["4conv1fc"]
    endings = (".pkl",)

    def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
        """The trunk's tensors under Detectron2's names.

        For heads without convolutions, BatchNorm's batch counters are left out: Detectron2's stock model of that kind
        uses FrozenBN, which has none. Nothing reads them.

        Raises:
            InputError: See `NamedTarget.state`; or a ResNet-18 or 34 of another width, which Detectron2 cannot build.
        """
        model = trunk.model
        if model.backbone in ("resnet18", "resnet34") and model.width != 1.0:
            what = f"Detectron2 builds {model.backbone} in full width only"
            fix = "use --to torchvision or mmdet, or pretrain with model.width=1"
            raise InputError(what, where=f"model.width={model.width:g}", fix=fix)
        state = super().state(trunk)
        if model.head == "2fc":
            return {name: tensor for name, tensor in state.items() if not name.endswith(IGNORED)}
        return state

    def write(self, trunk: TrunkWeights, path: Path) -> None:
        """Write the pickle."""
        arrays = {name: tensor.numpy() for name, tensor in self.state(trunk).items()}
        with path.open("wb") as file:
            _Pickler(file, protocol=5).dump({"model": arrays, "__author__": "CoDo", "matching_heuristics": True})

    def read(self, path: Path) -> dict[str, Tensor]:
        """Read the pickle as Detectron2 does; only called on a file that was just written."""
        with path.open("rb") as file:
            content = pickle.load(file, encoding="latin1")
        return {name: torch.from_numpy(array) for name, array in content["model"].items()}

    def build(self, config: Path, weights: Path) -> tuple[nn.Module, Features]:
        """Build the detector from a configuration with Detectron2, and load the file with its checkpointer."""
        from detectron2.checkpoint import DetectionCheckpointer
        from detectron2.config import get_cfg
        from detectron2.modeling import build_model

        cfg = get_cfg()
        cfg.merge_from_file(str(config))
        cfg.MODEL.DEVICE = "cpu"
        model: Any = build_model(cfg).eval()
        DetectionCheckpointer(model).load(str(weights))

        def features(images: Tensor, pooled: Tensor) -> dict[str, Tensor]:
            maps, pyramid = model.backbone.bottom_up(images), model.backbone(images)
            named = {name: maps[f"res{name[1]}"] for name in MAPS["backbone"]}
            named |= {name: pyramid[name.lower()] for name in MAPS["fpn"]}
            return {**named, "box head": model.roi_heads.box_head(pooled)}

        return model, features

    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python code that trains from the file called ``name``."""
        stem = Path(name).stem
        return (
            "import os\nfrom detectron2.config import get_cfg\nfrom detectron2.engine import DefaultTrainer\n\n"
            f'cfg = get_cfg()\ncfg.merge_from_file("{stem}_1x.yaml")\n'
            f'cfg.MODEL.WEIGHTS = "{name}"  # add the folder if you start elsewhere\n'
            "os.makedirs(cfg.OUTPUT_DIR, exist_ok=True)\n"
            "trainer = DefaultTrainer(cfg)\ntrainer.resume_or_load(resume=False)\ntrainer.train()\n"
        )

    def companions(self, trunk: TrunkWeights, name: str) -> dict[str, str]:
        """The two configurations."""
        stem = Path(name).stem
        masks = self.detector == "mask_rcnn"
        return {f"{stem}_{length}x.yaml": config(trunk.model, name, masks, length) for length in (1, 2)}


class _Pickler(pickle.Pickler):
    """Pickles arrays as ``numpy.ndarray(shape, dtype, buffer)``; the buffer is a bytearray, so arrays are writable."""

    def reducer_override(self, value: Any) -> Any:
        """See `pickle.Pickler.reducer_override`."""
        if isinstance(value, np.ndarray):
            return np.ndarray, (value.shape, value.dtype.str, bytearray(value.tobytes()))
        return NotImplemented
