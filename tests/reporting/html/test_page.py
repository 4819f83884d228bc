"""Blocks to HTML: structure, escaping, and what the page may not do."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codo.reporting.html.blocks import (
    Block,
    Card,
    Check,
    Code,
    Control,
    Details,
    Facts,
    Figure,
    Figures,
    Gallery,
    Numbers,
    Page,
    Picture,
    Section,
    Shape,
    Table,
    Text,
    Verdict,
)
from codo.reporting.html.page import render, write_page
from codo.reporting.html.plots import Line, curves

PIXEL = "data:image/jpeg;base64,AAAA"
EVIL = "\"'><script>alert(1)</script><img src=http://x onerror=y>.jpg"
ReadPage = Callable[[Path], Any]


def page_of(*blocks: Block, title: str = "run") -> Page:
    return Page(title, "test", "A lead with `code`.", [Section("One", blocks), Section("Empty", [])], "end")


def every_block(text: str) -> list[Block]:
    """One block of each kind with ``text`` wherever text can stand."""
    shape = Shape("truth", (1, 2, 30, 40), text, [[1, 1, 5, 5, 1, 5]], 0.5)
    picture = Picture(PIXEL, (100, 50), text, [shape], text)
    numbers = Numbers([text], [[text, 1.5]])
    figure = Figure(text, curves([Line(text, [1, 2], [3.0, 4.0]), Line("b", [1, 2], [3.0, 4.0])]), text, text, numbers)
    controls = [
        Control("search", text, "key"),
        Control("least", text, "key", span=(0, 5, 1, 2)),
        Control("choice", text, "key", [(text, text)]),
        Control("sort", text, options=[("key", text)]),
        Control("toggle", text, "truth", on=False),
        Control("score", text),
    ]
    return [
        Text([text]),
        Facts([(text, text, text)]),
        Verdict("bad", text, [Check(text, "watch", text, text)]),
        Figures([figure]),
        Table([text, text], [[text, text]], text),
        Code(text, text),
        Gallery([Card([picture], text, text, {"key": text})], text, [("truth", text)], controls),
        Details(text, [Text([text])]),
    ]


def test_every_block_is_shown(tmp_path: Path, read_page: ReadPage) -> None:
    page = read_page(write_page(page_of(*every_block("hello")), tmp_path / "page.html"))
    assert page.text.count("hello") >= 20
    assert page.tables == [[["hello", "hello"], ["hello", "hello"]]]
    assert [a["id"] for a in page.attributes("section")] == ["one"]
    (svg,) = [a for tag, a in page.tags if tag == "svg" and a.get("viewbox") == "0 0 100 50"]
    assert svg["aria-hidden"] == "true"
    rects = [a for tag, a in page.tags if tag == "rect" and a.get("x") == "1"]
    assert [(r["y"], r["width"], r["height"]) for r in rects] == [("2", "29", "38")] * 2  # halo and line


def test_hostile_text_stays_text(tmp_path: Path, read_page: ReadPage) -> None:
    page = read_page(write_page(page_of(*every_block(EVIL), title=EVIL), tmp_path / "page.html"))
    assert len(page.attributes("script")) == 1
    assert all(a["src"] == PIXEL for a in page.attributes("img"))
    assert page.text.count("alert(1)") >= 20


def test_the_only_script_is_the_one_that_the_policy_names() -> None:
    html = render(page_of(Text(["x"])))
    script = html.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "img-src data:" in html


def test_code_between_backticks() -> None:
    assert "A lead with <code>code</code>." in render(page_of())
    assert "<code>&lt;b&gt;</code>" in render(page_of(Text(["`<b>`"])))


def test_long_names_may_break_where_they_can() -> None:
    assert "<dd>finetune_<wbr>laptop&lt;</dd>" in render(page_of(Facts([("a", "finetune_laptop<", "")])))


def test_the_same_page_gives_the_same_bytes() -> None:
    assert render(page_of(*every_block("a"))) == render(page_of(*every_block("a")))


def test_colors_follow_the_reader() -> None:
    html = render(page_of())
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html


def test_labels_stay_inside_their_picture(tmp_path: Path, read_page: ReadPage) -> None:
    """A bold sans-serif letter is about 0.6 of its height wide; the tall picture is shown as wide as the other."""
    for width, height in ((200, 100), (100, 200)):
        shapes = [Shape("missed", (x, 20, x + 90, 90), "bicycle 0.97 bkg") for x in (-5, 30, width - 20)]
        page = page_of(Gallery([Card([Picture(PIXEL, (width, height), "alt", shapes)])], ""))
        for label in read_page(write_page(page, tmp_path / "page.html")).attributes("text"):
            size, start = float(label["font-size"]), float(label["x"])
            assert size == 0.042 * width
            assert start > 0
            assert start + 0.6 * size * len("bicycle 0.97 bkg") < width
