"""A web server for one page in memory, for the browsers of this machine only.

* It listens on 127.0.0.1 and nowhere else, and knows two addresses: the page, and its state as JSON. Nothing is read
  from disk, so there is no folder to list and no file to ask for.
* Other users of the machine can reach the port too. So the addresses begin with a random key, as long as a password.
* A web site whose name resolves to 127.0.0.1 (DNS rebinding) is refused, because its name stands in the Host header.
* The policy in the header allows the two scripts of this package, whatever a page on disk says about scripts, and no
  requests except to this server.
"""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

from codo.core.errors import InputError
from codo.reporting.html.page import POLICY, page_script, script_source, with_script

ADDRESS = "127.0.0.1"
_NO_STORE = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


@dataclass(frozen=True)
class Shown:
    """What is served.

    Attributes:
        html: The page, as `codo.reporting.html.page.render` writes it.
        state: ``running``, ``stopped`` or ``finished``.
        words: The state in words, shown above the page.
    """

    html: str
    state: str
    words: str


class PageServer:
    """Serves a page until it is closed; `show` replaces the page.

    Args:
        port: The port; 0 for a free one.

    Attributes:
        key: The random part of the address.
        version: Counts the pages that were shown.
        policy: The content security policy in the header of every answer.

    Raises:
        InputError: The port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self.key = secrets.token_urlsafe(16)
        self.version = 0
        self._page, self._state = b"", b""
        self._lock = threading.Lock()
        self._script = (resources.files("codo.watching") / "templates" / "follow.js").read_text(encoding="utf-8")
        try:
            self._server = ThreadingHTTPServer((ADDRESS, port), _handler(self))
        except (OSError, OverflowError) as error:
            what = f"port {port} cannot be used: {getattr(error, 'strerror', None) or error}"
            raise InputError(what, where="--port", fix="leave --port out: a free one is taken") from error
        self._server.daemon_threads = True
        scripts = f"script-src {script_source(page_script())} {script_source(self._script)}"
        self.policy = (
            f"{POLICY}; {scripts}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.port}/{self.key}/"

    def show(self, shown: Shown) -> None:
        """Serve another page from now on; browsers that have the page open replace it within seconds."""
        page = with_script(shown.html, self._script).encode()
        with self._lock:
            changed = page != self._page
            self.version += changed
            state = {"version": self.version, "state": shown.state, "words": shown.words}
            self._page, self._state = page, json.dumps(state).encode()

    def answer(self, path: str, host: str | None) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body for a path and a Host header."""
        if host not in {f"{ADDRESS}:{self.port}", f"localhost:{self.port}"}:
            return HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"wrong host\n"
        with self._lock:
            page, state = self._page, self._state
        for name, kind, body in (("", "text/html; charset=utf-8", page), ("state", "application/json", state)):
            if secrets.compare_digest(path.encode(), f"/{self.key}/{name}".encode()):
                return HTTPStatus.OK, kind, body
        return HTTPStatus.NOT_FOUND, "text/plain", b"not found\n"

    def close(self) -> None:
        """Stop serving, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: PageServer) -> type[BaseHTTPRequestHandler]:
    """The class of which `ThreadingHTTPServer` makes an object for every connection."""

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "codo", ""
        timeout = 10  # seconds that a connection may stay silent

        def do_GET(self) -> None:
            self._respond(body=True)

        def do_HEAD(self) -> None:
            self._respond(body=False)

        def _respond(self, body: bool) -> None:
            status, kind, content = server.answer(self.path, self.headers.get("Host"))
            self.send_response(status)
            lengths = (("Content-Type", kind), ("Content-Length", str(len(content))))
            for name, value in (*lengths, *_NO_STORE, ("Content-Security-Policy", server.policy)):
                self.send_header(name, value)
            self.end_headers()
            if body:
                try:
                    self.wfile.write(content)
                except (BrokenPipeError, ConnectionResetError):
                    return  # the reader has closed the page

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not logged: the terminal shows the state of the run."""

    return Handler
