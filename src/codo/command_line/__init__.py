"""The command line: its parser, what each verb runs, and the verbs about settings, recipes and completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.command_line.parser import build_parser as build_parser
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__, {"build_parser": "parser"})
