"""A real S3 server on loopback, behind a proxy that counts requests and causes faults.

``moto`` answers as S3 does; the proxy in front of it is ours. Clients find it by the variables that botocore knows, so
nothing in the product knows of it::

    product --> proxy (counts, faults) --> moto
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import fsspec
import pytest

Kind = Literal["slow down", "hang", "reset", "cut", "before"]

SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
_PER_CONNECTION = {"connection", "transfer-encoding", "content-length", "keep-alive", "expect"}


@dataclass(frozen=True)
class Request:
    """A request as the server saw it.

    Attributes:
        method: ``GET``, ``HEAD``, ``PUT`` …
        key: Bucket and key, ``bucket/folder/name``.
        query: Behind the ``?``, such as ``list-type=2&prefix=…``.
        span: First and last byte asked for; ``None`` without a range.
        sent: Bytes of the answer's body.
    """

    method: str
    key: str
    query: str
    span: tuple[int, int] | None
    sent: int


@dataclass
class Fault:
    """What goes wrong with requests, and how often.

    Attributes:
        kind: ``slow down`` answers 503; ``hang`` never answers and keeps nothing; ``reset`` and ``cut`` end the
            connection in the middle of the body, with and without a TCP reset; ``before`` answers as always.
        times: How many requests it befalls.
        method: Requests of this method.
        key: Requests whose key contains this.
        action: Called once the request has come.
    """

    kind: Kind
    times: int = 1
    method: str = "GET"
    key: str = ""
    action: Callable[[], object] = lambda: None


@dataclass
class Store:
    """The server, as tests see it.

    Attributes:
        url: A bucket that exists.
        endpoint: The proxy's address.
        requests: All requests since `forget`.
        faults: Those still to come; the first that fits a request befalls it.
    """

    url: str
    endpoint: str
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    hang_for: float = 30.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def environment(self, **more: str) -> dict[str, str]:
        """The variables by which clients find the server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
            **more,
        }

    @property
    def fs(self) -> Any:
        """The file system, in this process, without anything remembered."""
        fs = fsspec.filesystem("s3")
        fs.invalidate_cache()
        return fs

    def put(self, files: dict[str, bytes], folder: str = "") -> str:
        """Write objects below ``folder``; returns its URL."""
        place = f"{self.url}/{folder}".rstrip("/")
        for name, data in files.items():
            self.fs.pipe_file(f"{place}/{name}", data)
        return place

    def names(self, folder: str = "") -> list[str]:
        """The objects below ``folder``, without its name."""
        root = f"{self.url}/{folder}".rstrip("/").removeprefix("s3://")
        return sorted(path.removeprefix(root + "/") for path in self.fs.find(root))

    def forget(self) -> None:
        """Count from zero."""
        with self.lock:
            self.requests.clear()

    def gets(self, part: str = "") -> list[Request]:
        """The requests for contents of objects whose key contains ``part``."""
        with self.lock:
            return [one for one in self.requests if one.method == "GET" and part in one.key and one.key.count("/")]

    def take_fault(self, method: str, key: str) -> Fault | None:
        """The fault that befalls this request, if any."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.method == method and fault.key in key:
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store
    upstream: tuple[str, int]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        target = urlsplit(self.path)
        key = unquote(target.path).lstrip("/")
        body = self._body()
        fault = self.store.take_fault(self.command, key)
        if fault:
            fault.action()
        if fault and fault.kind == "slow down":
            self._send(503, [("Content-Type", "application/xml")], SLOW_DOWN)
            self._count(key, target.query, 0)
            return
        if fault and fault.kind == "hang":
            self._count(key, target.query, 0)
            time.sleep(self.store.hang_for)
            self.close_connection = True
            return
        server = http.client.HTTPConnection(*self.upstream)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _PER_CONNECTION}
        server.request(self.command, self.path, body=body or None, headers=headers)
        answer = server.getresponse()
        data = answer.read()
        server.close()
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _PER_CONNECTION]
        # Counted before it is sent: a client that has its answer must find it counted.
        self._count(key, target.query, len(data))
        if fault and fault.kind in ("reset", "cut"):
            self._send(answer.status, kept, data, only=len(data) // 2)
            if fault.kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        self._send(answer.status, kept, data, length=length)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(
        self,
        status: int,
        headers: list[tuple[str, str]],
        data: bytes,
        *,
        only: int | None = None,
        length: str | None = None,
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[:only])
            self.wfile.flush()

    def _count(self, key: str, query: str, sent: int) -> None:
        span = None
        if text := self.headers.get("Range"):
            first, last = text.removeprefix("bytes=").split("-")
            span = int(first), int(last or -1)
        with self.store.lock:
            self.store.requests.append(Request(self.command, key, query, span, sent))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that give up are what some tests are about."""


def impatient(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.2) -> None:
    """Clients give up after two tries of so many seconds; by default they try for minutes.

    botocore's own tries are set in the configuration too, as it reads the environment only when a client is made, and
    this process may have one with the same settings.
    """
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 2)
    settings = {"read_timeout": seconds, "retries": {"total_max_attempts": 1, "mode": "legacy"}}
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": settings})


def serve() -> tuple[Store, Callable[[], None]]:
    """Start both servers on free ports; returns the store, and what stops them."""
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    handler = type("Handler", (_Handler,), {"upstream": moto.get_host_and_port()})
    proxy = _Server(("127.0.0.1", 0), handler)
    store = Store("s3://codo-tests", f"http://127.0.0.1:{proxy.server_port}")
    handler.store = store  # type: ignore[attr-defined]  # of the class made above
    threading.Thread(target=proxy.serve_forever, daemon=True).start()

    def stop() -> None:
        proxy.shutdown()
        proxy.server_close()
        moto.stop()

    return store, stop
