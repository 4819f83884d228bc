"""The methods by name, and methods in files of the user's. A new one is a file and a line here."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import create_model

from codo.contrast.infonce import ContrastSettings
from codo.core.config import Settings, flatten, nest, resolve
from codo.core.errors import InputError, nearest
from codo.core.paths import absolute
from codo.methods.barlow_twins import BarlowTwins
from codo.methods.base import OPTIONAL, Method, Setup
from codo.methods.byol import BYOL
from codo.methods.codo import CoDo
from codo.methods.densecl import DenseCL
from codo.methods.detco import DetCo
from codo.methods.infomin import InfoMin
from codo.methods.insloc import InsLoc
from codo.methods.moco import MoCo
from codo.methods.orl import ORL
from codo.methods.self_emd import SelfEMD
from codo.methods.simclr import SimCLR
from codo.methods.simsiam import SimSiam
from codo.methods.soco import SoCo
from codo.methods.supervised import Supervised
from codo.methods.swav import SwAV
from codo.models.encoder import ModelSettings

METHODS: dict[str, type[Method]] = {
    "codo": CoDo,
    "codo_m": CoDo,
    "insloc": InsLoc,
    "supervised": Supervised,
    "moco": MoCo,
    "moco_v2": MoCo,
    "infomin": InfoMin,
    "densecl": DenseCL,
    "detco": DetCo,
    "simclr": SimCLR,
    "byol": BYOL,
    "swav": SwAV,
    "barlow_twins": BarlowTwins,
    "simsiam": SimSiam,
    "soco": SoCo,
    "orl": ORL,
    "self_emd": SelfEMD,
}
"""Names that share a class differ in their recipe."""


def find_method(name: str) -> type[Method]:
    """The class of a method.

    Args:
        name: One of `METHODS`, or ``path/to/file.py:MyMethod``.

    Raises:
        InputError: Unknown, or a file without such a class.
    """
    if name in METHODS:
        return METHODS[name]
    path, colon, title = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        fix = nearest(name, list(METHODS)) or f"one of: {', '.join(METHODS)}; or path/to/file.py:MyMethod"
        raise InputError(f"unknown method '{name}'", where="method", fix=fix)
    found = getattr(_load(Path(path)), title, None)
    if not (isinstance(found, type) and issubclass(found, Method)):
        what = f"no class '{title}' that derives from codo.methods.base.Method"
        raise InputError(what, where=path, fix="name the class behind the colon: method=path/to/file.py:MyMethod")
    return found


def absolute_name(name: str) -> str:
    """The name of a method that is found from any folder."""
    path, colon, title = name.rpartition(":")
    return f"{absolute(path)}:{title}" if colon and name not in METHODS else name


def read_options(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The settings of a method's own (``options.*``), checked and complete.

    Raises:
        InputError: An option that the method does not have, or a wrong value.
    """
    return own_settings(find_method(name), values).model_dump(mode="json")


def own_settings(method: type[Method], values: Mapping[str, Any]) -> Settings:
    """The settings of a method's own, as an instance of its `Method.Options`; raises like `read_options`."""
    # Checked inside of their group, so that errors name them as the user does: options.hidden.
    group: Any = create_model("Group", __base__=Settings, options=(method.Options, ...))
    checked: Any = resolve(group, None, {"options": dict(values)})
    own: Settings = checked.options
    return own


def unused_settings(name: str, given: Mapping[str, Any]) -> list[str]:
    """Those of the ``given`` settings, with dots, that change nothing for a method (`Method.used_settings`)."""
    used_settings = find_method(name).used_settings
    return [key for key in flatten(nest(given)) if _among(key, OPTIONAL) and not _among(key, used_settings)]


def build_method(
    name: str,
    model: ModelSettings,
    contrast: ContrastSettings,
    *,
    batch_size: int,
    world: int,
    seed: int,
    options: dict[str, Any] | None = None,
    steps: int = 1,
    classes: int = 0,
) -> Method:
    """The method called ``name``, built from its settings; see `Setup`.

    Raises:
        InputError: Unknown name or options; the method says no to the settings.
    """
    method = find_method(name)
    own = own_settings(method, options or {})
    return method(Setup(model, contrast, own, batch_size, world, seed, steps, classes))


def _among(key: str, names: tuple[str, ...]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _load(path: Path) -> Any:
    """The module in a file; the same module for the same file."""
    if not path.is_file():
        raise InputError("no such file of a method", where=str(path), fix="check the path in method=")
    name = f"codo_method_{abs(hash(path.resolve()))}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            what = f"the file of the method fails: {type(error).__name__}: {error}"
            raise InputError(what, where=str(path), fix="mend it; python FILE shows the traceback") from error
    return sys.modules[name]
