"""The methods by name. A new method is a file and a line here; methods in users' files need no line.

Classes are named, not imported: a run imports its own method only, and methods may live in any package above this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import create_model

from codo.core.config import Settings, flatten, nest, resolve
from codo.core.errors import InputError, nearest
from codo.core.paths import absolute
from codo.methods.base import OPTIONAL, Method, NoOptions, Setup
from codo.methods.user_files import load_file

METHODS: dict[str, str] = {
    "codo": "codo.methods.codo:CoDo",
    "codo_m": "codo.methods.codo:CoDo",
    "insloc": "codo.methods.insloc:InsLoc",
    "supervised": "codo.methods.supervised:Supervised",
    "moco": "codo.methods.moco:MoCo",
    "moco_v2": "codo.methods.moco:MoCo",
    "infomin": "codo.methods.infomin:InfoMin",
    "densecl": "codo.methods.densecl:DenseCL",
    "detco": "codo.methods.detco:DetCo",
    "simclr": "codo.methods.simclr:SimCLR",
    "byol": "codo.methods.byol:BYOL",
    "swav": "codo.methods.swav:SwAV",
    "barlow_twins": "codo.methods.barlow_twins:BarlowTwins",
    "simsiam": "codo.methods.simsiam:SimSiam",
    "soco": "codo.methods.soco:SoCo",
    "orl": "codo.methods.orl:ORL",
    "self_emd": "codo.methods.self_emd:SelfEMD",
    "instdisc": "codo.methods.instdisc:InstDisc",
    "dilo": "codo.methods.dilo:DiLo",
    "rotation": "codo.pretext.rotation:Rotation",
    "colorization": "codo.pretext.colorization:Colorization",
    "inpainting": "codo.pretext.inpainting:Inpainting",
    "context": "codo.pretext.context:Context",
    "jigsaw": "codo.pretext.jigsaw:Jigsaw",
}
"""Name -> ``module:class``. Methods with the same class differ in their recipes."""


def find_method(name: str) -> type[Method]:
    """The class of a method.

    Args:
        name: One of `METHODS`, or ``path/to/file.py:MyMethod``.

    Raises:
        InputError: Unknown, or a file without such a class.
    """
    if name in METHODS:
        module, title = METHODS[name].split(":")
        known: type[Method] = getattr(import_module(module), title)
        return known
    path, colon, title = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        fix = nearest(name, list(METHODS)) or f"one of: {', '.join(METHODS)}; or path/to/file.py:MyMethod"
        raise InputError(f"unknown method '{name}'", where="method", fix=fix)
    found = getattr(load_file(Path(path)), title, None)
    if not (isinstance(found, type) and issubclass(found, Method)):
        what = f"no class '{title}' that derives from codo.methods.base.Method"
        raise InputError(what, where=path, fix="give the class after the colon: method=path/to/file.py:MyMethod")
    return found


def absolute_name(name: str) -> str:
    """The name of a method with an absolute path, valid in any working directory."""
    path, colon, title = name.rpartition(":")
    return f"{absolute(path)}:{title}" if colon and name not in METHODS else name


def read_options(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """A method's own settings (``options.*``), validated and with defaults filled in.

    Raises:
        InputError: An option that the method does not have, or an invalid value.
    """
    return own_settings(find_method(name), values).model_dump(mode="json")


def own_settings(method: type[Method], values: Mapping[str, Any]) -> Settings:
    """A method's own settings as an instance of its `Method.Options`; raises like `read_options`."""
    # Validated inside their group, so that errors use the full names: options.hidden.
    group: Any = create_model("Group", __base__=Settings, options=(method.Options, ...))
    try:
        checked: Any = resolve(group, None, {"options": dict(values)})
    except InputError as error:
        if values.keys() <= method.Options.model_fields.keys():
            raise
        fix = f"{error.fix}; or, if it comes from a recipe for another method, add options={{}}"
        raise InputError(error.what, where=error.where, fix=fix) from None
    own: Settings = checked.options
    return own


def unused_settings(name: str, given: Mapping[str, Any]) -> list[str]:
    """Those ``given`` settings that have no effect on a method (`Method.used_settings`), by their dotted names."""
    used_settings, keys = find_method(name).used_settings, flatten(nest(given))
    unused = [key for key in keys if _among(key, OPTIONAL) and not _among(key, used_settings)]
    if "canvas" in keys and name in ("context", "jigsaw"):  # `canvas` is the side of what their probes see
        unused.append("canvas for training views (set options.cell and options.patch)")
    return unused


def name_notes(name: str, setup: Setup) -> list[str]:
    """A line for the log if settings, such as those of a recipe for another method, make ``name`` another method."""
    given = f"views={setup.views}", f"options.projection={getattr(setup.options, 'projection', '')}"
    others = {"codo_m": "views=2", "moco": "options.projection=mlp", "moco_v2": "options.projection=linear"}
    if others.get(name) not in given:
        return []
    return [f"method={name} with {others[name]} is another method: codo recipes {name} has the settings of {name}"]


def build_method(name: str, setup: Setup) -> Method:
    """Build a method.

    Args:
        name: See `find_method`.
        setup: What it is built from; without options, the method's defaults are used.

    Raises:
        InputError: Unknown name, or settings that the method does not accept.
    """
    method = find_method(name)
    if isinstance(setup.options, NoOptions):
        setup = replace(setup, options=own_settings(method, {}))
    built = method(setup)
    built.name_notes = name_notes(name, setup)
    built.normalize_by(setup.model.normalization)  # whatever a user's method passes on to `Method.__init__`
    return built


def _among(key: str, names: tuple[str, ...]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)
