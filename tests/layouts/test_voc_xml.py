"""Single XML files: their texts, and why others cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.layouts.voc_xml import Labels, Unreadable, parse
from tests.annotations.refusals import Refuses, Spoil

XML = """<?xml version="1.0" encoding="{}"?>
<annotation><filename>猫.jpg</filename><size><width> 9 </width><height>8</height></size>
<object><name>猫</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>
</annotation>"""


def parsed(folder: Path, data: bytes) -> Labels | Unreadable:
    (folder / "a.xml").write_bytes(data)
    return parse(folder / "a.xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_in_every_form(tmp_path: Path, encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    read = parsed(tmp_path, XML.format(name).encode(encoding))
    assert read == Labels(("9", "8"), ["猫"], [("1", "2", "3", "4")], [None], [None])


@pytest.mark.parametrize(
    ("data", "reason", "fix"),
    [
        (XML.format("GB2312").encode("gb2312"), "its encoding is GB2312", "save it as UTF-8"),
        (XML.format("gbk").encode("gbk"), "its encoding is gbk", "save it as UTF-8"),
        (XML.replace("猫", "猫和狗").format("utf-8").encode("gb2312"), "its encoding is not UTF-8", "save it as UTF-8"),
        (XML.format("utf-8").encode()[:-40], "broken XML: ", "it may be cut off"),
        (XML.format("utf-8").encode()[:79], "broken XML: ", "it may be cut off"),  # in the middle of the cat
        (b"", "broken XML: ", "it may be cut off"),
    ],
)
def test_why_a_file_cannot_be_read(tmp_path: Path, data: bytes, reason: str, fix: str) -> None:
    read = parsed(tmp_path, data)
    assert isinstance(read, Unreadable)
    assert read.reason.startswith(reason)
    assert fix in read.fix


def test_a_file_without_permission_or_that_is_none(tmp_path: Path) -> None:
    assert parse(tmp_path) == Unreadable("Is a directory", "check the file and its permissions")


def test_the_command_line_says_save_as_utf8(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("voc")
    file = data / "VOC2007/Annotations/train_001.xml"
    text = file.read_text().replace("<name>", "<name>猫", 1)
    file.write_bytes(f'<?xml version="1.0" encoding="gb2312"?>{text}'.encode("gb2312"))
    refuses(data, "1 XML file that cannot be read: train_001.xml (its encoding is gb2312)", "train_001.xml")
