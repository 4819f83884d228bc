"""The mirror of a run (``mirror=URL``): its folder, copied to an object store as it grows, and brought back from there.

* ``upload``: the thread that copies what is new.
* ``restore``: on a machine that lacks the run, its newest state.

The order of uploads makes every listing a state from which the run can be resumed: settings and logs first, then the
checkpoint that they lead to, then its name in ``checkpoints/last``; only then older checkpoints are deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.mirror.restore import restore as restore
    from codo.mirror.upload import Mirror as Mirror
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__, {"Mirror": "upload", "restore": "restore"})
