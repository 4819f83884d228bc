"""The server answers browsers of this machine that know the key, and nobody else."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from codo.core.errors import InputError
from codo.reporting.html.blocks import Page, Section, Text
from codo.reporting.html.page import render
from codo.watching.page_server import PageServer, Shown


def page(text: str) -> str:
    return render(Page("run", "test", "", [Section("One", [Text([text])])]))


@pytest.fixture
def server() -> Iterator[PageServer]:
    served = PageServer()
    served.show(Shown(page("hello"), "running", "running: step 1 of 2"))
    yield served
    served.close()


def get(
    server: PageServer, path: str, host: str | None = None, method: str = "GET"
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{server.port}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.headers


def test_the_page_and_its_state(server: PageServer) -> None:
    status, body, headers = get(server, f"/{server.key}/")
    assert status == 200
    assert b"hello" in body
    assert headers["Cache-Control"] == "no-store"
    status, body, _ = get(server, f"/{server.key}/state")
    assert json.loads(body) == {"version": 1, "state": "running", "words": "running: step 1 of 2"}
    assert get(server, f"/{server.key}/", method="HEAD")[1] == b""
    assert get(server, f"/{server.key}/", f"localhost:{server.port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/favicon.ico", "/state", "/../../etc/passwd", "/{key}", "/{key}/..", "/{key}//etc/passwd", "/{key}/x"],
)
def test_nothing_else_is_there(server: PageServer, path: str) -> None:
    status, body, _ = get(server, path.format(key=server.key))
    assert (status, body) == (404, b"not found\n")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}"])
def test_other_names_are_refused(server: PageServer, host: str) -> None:
    """A web site whose name resolves to this machine sends its own name."""
    status, body, _ = get(server, f"/{server.key}/", host.format(port=server.port))
    assert status == 421
    assert b"hello" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_is_only_for_reading(server: PageServer, method: str) -> None:
    assert get(server, f"/{server.key}/", method=method)[0] == 501


def test_it_listens_on_the_loopback_address_only(server: PageServer) -> None:
    assert server._server.socket.getsockname() == ("127.0.0.1", server.port)
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.2", server.port), timeout=5):
        pass


def test_keys_are_long_and_differ(server: PageServer) -> None:
    other = PageServer()
    other.close()
    assert len(server.key) >= 22
    assert server.key != other.key


def test_versions_count_pages_not_states(server: PageServer) -> None:
    server.show(Shown(page("hello"), "finished", "finished"))
    assert server.version == 1
    assert json.loads(get(server, f"/{server.key}/state")[1])["state"] == "finished"
    server.show(Shown(page("other"), "finished", "finished"))
    assert server.version == 2
    assert b"other" in get(server, f"/{server.key}/")[1]


def test_the_policy_allows_the_two_scripts_and_no_other(server: PageServer) -> None:
    _, body, headers = get(server, f"/{server.key}/")
    policy = headers["Content-Security-Policy"]
    assert policy.count("sha256-") == 2
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    meta = body.decode().split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    assert meta.count("sha256-") == 2
    assert "connect-src 'self'" in meta
    assert body.count(b"<script>") == 2
    assert "connect-src" not in page("hello")  # a page on disk talks to nobody


def test_a_port_that_is_taken(server: PageServer) -> None:
    with pytest.raises(InputError, match=f"port {server.port} cannot be used"):
        PageServer(server.port)
    with pytest.raises(InputError, match="port 70000 cannot be used"):
        PageServer(70000)


def test_closing_frees_the_port() -> None:
    served = PageServer()
    port = served.port
    served.close()
    PageServer(port).close()
