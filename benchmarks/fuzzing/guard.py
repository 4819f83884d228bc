"""What a child process may do while it reads hostile input, and a record of what it tried otherwise."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Any

MEMORY = 3 << 30
"""Bytes of address space that reading may take beyond what the imports took; an image of 100 megapixels and its copies
fit."""

_FORBIDDEN = {
    **dict.fromkeys(("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"), "network"),
    **dict.fromkeys(
        ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "os.fork", "pty.spawn"), "code"
    ),
    "pickle.find_class": "code",
}
_WRITES = {
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
}
"""Event -> where its arguments have a path that is written to, and the folder that a relative one begins in."""


class Guard:
    """Watches this process by an audit hook, which cannot be removed again.

    Args:
        allowed: The folders that may be written to.

    Attributes:
        seen: What was tried since `take`: ``network: socket.connect``, ``write: /etc/x``, ``code: os.system``.
    """

    def __init__(self, *allowed: Path) -> None:
        self.seen: list[str] = []
        self._allowed = tuple(os.path.realpath(folder) for folder in allowed)
        self._on = False
        sys.addaudithook(self._hook)

    def start(self) -> None:
        """Limit the address space and watch from here on; call it after the imports."""
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        self._on = True

    def take(self) -> list[str]:
        """What was tried since the last call."""
        seen, self.seen = self.seen, []
        return seen

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if kind := _FORBIDDEN.get(event):
            self.seen.append(f"{kind}: {event} {str(arguments)[:100]}")
            raise PermissionError(f"{event} while hostile input is read")
        for path, folder in _WRITES.get(event, ()):
            self._check(arguments[path], -1 if folder is None else arguments[folder])
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            self._check(arguments[0])

    def _check(self, path: Any, folder: int = -1) -> None:
        if isinstance(path, int) or path is None:
            return
        base = "" if folder == -1 else f"/proc/self/fd/{folder}"
        real = os.path.realpath(os.path.join(base, os.fsdecode(path)))
        if real != os.devnull and not real.startswith(self._allowed):
            self.seen.append(f"write: {real[:100]}")
            raise PermissionError(f"writing {real} while hostile input is read")
