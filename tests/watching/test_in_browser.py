"""A followed page in headless Chromium: it is replaced in place, and what the reader has opened stays open."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from benchmarks.browser import MISSING, chromium, document

from codo.reporting.html.blocks import Details, Page, Section, Text
from codo.reporting.html.page import render
from codo.watching.page_server import PageServer, Shown

pytestmark = pytest.mark.skipif(chromium() is None, reason=MISSING)


def page(text: str) -> str:
    evil = "<img src=x onerror=document.title='run'>"
    blocks = [Text([text]), Details(f"Settings ({len(text)})", [Text(["folded"])])]
    return render(Page("run", "test", evil, [Section("One", blocks)]))


class Scripted(PageServer):
    """Goes on to the next page whenever a browser has asked twice for its state."""

    def __init__(self, *shown: Shown) -> None:
        super().__init__()
        self.asked, self.waiting = 0, list(shown)
        self.show(self.waiting.pop(0))

    def answer(self, path: str, host: str | None) -> tuple[HTTPStatus, str, bytes]:
        found = super().answer(path, host)
        self.asked += path.endswith("/state")
        if self.asked % 2 == 0 and path.endswith("/state") and self.waiting:
            self.show(self.waiting.pop(0))
        return found


@pytest.fixture
def server() -> Iterator[Scripted]:
    served = Scripted(
        Shown(page("first text"), "running", "running: step 1 of 3"),
        Shown(page("second, longer text"), "running", "running: step 2 of 3"),
        Shown(page("third text"), "stopped", "stopped: step 2 of 3"),
    )
    yield served
    served.close()


def test_the_page_is_refreshed_in_place(server: Scripted) -> None:
    html = document(server.url, seconds=30)
    assert "third text" in html
    assert "first text" not in html
    assert html.count("<main>") == html.count("<header>") == 1
    assert '<p class="following" role="status" data-state="stopped">Stopped: step 2 of 3</p>' in html
    assert "<title>run · test</title>" in html  # the hostile text of a page that came later ran no script
    assert server.asked >= 5


def test_what_is_open_stays_open(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Details are told apart by their summary without its numbers; here the first page comes with one opened."""
    opened = Shown(page("first text").replace("<details>", "<details open>"), "running", "running: step 1 of 3")
    server.show(opened)
    html = document(server.url, seconds=30)
    assert "third text" in html
    assert "<details open" in html


def test_the_end_of_the_server_is_told(server: Scripted) -> None:
    def away(path: str, host: str | None) -> tuple[HTTPStatus, str, bytes]:
        if path.endswith("/state"):
            return HTTPStatus.NOT_FOUND, "text/plain", b"gone"
        return PageServer.answer(server, path, host)

    server.answer = away  # type: ignore[method-assign]  # as if the server had ended after the page
    assert 'data-state="away">Codo view has ended' in document(server.url, seconds=5)
