"""Pretraining methods: each has one class in one file and one line in `registry`.

* ``base``: `Method`, the protocol between methods and training; ``registry``: methods by name; ``user_files``: methods
  in users' files.
* ``momentum_contrast``: query encoder, key encoder and queue. Methods: ``codo`` (CoDo and, with four views, CoDo_m:
  paper, section 3), ``insloc``, ``moco`` (MoCo and MoCo v2), ``infomin``, ``densecl``, ``detco`` and ``dilo``.
* ``byol``: an online network predicts the output of a momentum target. Methods: ``byol``, ``soco``, ``orl`` and
  ``self_emd``.
* ``image_level``: one encoder of whole images. Methods: ``simclr``, ``swav``, ``barlow_twins``, ``simsiam``,
  ``instdisc``, ``supervised``.
* ``lightly_adapter``: heads and losses of image-level methods, from the optional package lightly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.methods.barlow_twins import BarlowTwins as BarlowTwins
    from codo.methods.base import Method as Method
    from codo.methods.base import NoOptions as NoOptions
    from codo.methods.base import Setup as Setup
    from codo.methods.base import StepOutput as StepOutput
    from codo.methods.byol import BYOL as BYOL
    from codo.methods.codo import CoDo as CoDo
    from codo.methods.densecl import DenseCL as DenseCL
    from codo.methods.detco import DetCo as DetCo
    from codo.methods.dilo import DiLo as DiLo
    from codo.methods.image_level import ImageLevel as ImageLevel
    from codo.methods.infomin import InfoMin as InfoMin
    from codo.methods.insloc import InsLoc as InsLoc
    from codo.methods.instdisc import InstDisc as InstDisc
    from codo.methods.moco import MoCo as MoCo
    from codo.methods.momentum_contrast import MomentumContrast as MomentumContrast
    from codo.methods.orl import ORL as ORL
    from codo.methods.registry import build_method as build_method
    from codo.methods.registry import find_method as find_method
    from codo.methods.self_emd import SelfEMD as SelfEMD
    from codo.methods.simclr import SimCLR as SimCLR
    from codo.methods.simsiam import SimSiam as SimSiam
    from codo.methods.soco import SoCo as SoCo
    from codo.methods.supervised import Supervised as Supervised
    from codo.methods.swav import SwAV as SwAV
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "BYOL": "byol",
            "BarlowTwins": "barlow_twins",
            "CoDo": "codo",
            "DenseCL": "densecl",
            "DetCo": "detco",
            "DiLo": "dilo",
            "ImageLevel": "image_level",
            "InfoMin": "infomin",
            "InsLoc": "insloc",
            "InstDisc": "instdisc",
            "Method": "base",
            "MoCo": "moco",
            "MomentumContrast": "momentum_contrast",
            "NoOptions": "base",
            "ORL": "orl",
            "SelfEMD": "self_emd",
            "Setup": "base",
            "SimCLR": "simclr",
            "SimSiam": "simsiam",
            "SoCo": "soco",
            "StepOutput": "base",
            "Supervised": "supervised",
            "SwAV": "swav",
            "build_method": "registry",
            "find_method": "registry",
        },
    )
