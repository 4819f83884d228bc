"""``codo view RUN --follow``: the report of a run in progress in a browser of this machine, kept up to date.

* ``page_server``: serves one page from memory, on the loopback address only; ``templates/follow.js`` refreshes it.
* ``sources``: builds the page of a run, or takes that of a comparison, when their files have changed.
* ``follow``: rebuilds and serves until Ctrl-C.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.watching.follow import follow as follow
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__, {"follow": "follow"})
