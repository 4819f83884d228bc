"""Exit codes and messages of the command line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import codo
from codo import cli
from codo.core.errors import CodoError, Interrupted, Preempted


def test_help_and_version_exit_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["--version"], ["pretrain", "--help"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 0
    assert "codo-detect 0.1.0" in capsys.readouterr().out


def test_every_verb_is_in_the_help() -> None:
    text = cli.build_parser().format_help()
    assert all(f"    {verb} " in text or f"    {verb}\n" in text for verb in cli.VERBS)


def test_a_mistyped_verb_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["pretrian", "a=1"])
    assert caught.value.code == 2
    assert "did you mean 'pretrain'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pretrain", "epoch=1", "foregrounds=a", "backgrounds=b", "out=c"], ["unknown setting 'epoch'", "'epochs'"]),
        (["pretrain", "-c", "codo_200e"], ["unknown recipe", "did you mean 'codo_200ep'?"]),
        (["pretrain", "epochs"], ["not key=value"]),
        (["plan", "codo_200ep", "laptop"], ["2 recipes"]),
        (["plan", "laptop", "-c", "laptop"], ["2 recipes"]),
        (["plan"], ["no recipe is given", "codo plan codo_200ep gpus=8"]),
        (
            ["finetune", "-c", "laptop"],
            ["the recipe 'laptop' has settings that this command has not", "finetune_laptop"],
        ),
        (["pretrain", "-c", "finetune_laptop"], ["detector, max_size, short_sides", "one_gpu"]),
        (["plan", "codo_200ep", "gpu=8"], ["unknown setting 'gpu'", "did you mean 'gpus'?"]),
        (["prepare", "nowhere", "--out", "x"], ["nowhere"]),
        (["prepare", "nowhere"], ["not named", "--out DIR"]),
        (["prepare", "--out", "x"], ["no source"]),
        (["pretrain", "weights=imagenet", "foregrounds=a", "backgrounds=b", "out=c"], ["did you mean 'model.init'?"]),
        (["finetune", "foregrounds=a", "out=c"], ["did you mean 'data'?"]),
        (["compare", "seed=0", "data=d", "inits=none", "out=c"], ["seed is set for every trial", "seeds=[0]"]),
        (["compare", "weights=none", "data=d", "inits=none", "out=c"], ["weights is set", "inits=[none]"]),
        (["compare", "data=d", "data.fraction=1", "inits=none", "out=c"], ["data.fraction is", "fractions=[1]"]),
        (["export", "nowhere", "--to", "torchvision"], ["not a run"]),
        (["export", "nowhere", "--to", "torchvison"], ["torchvison", "did you mean 'torchvision'?"]),
        (["evaluate", "nowhere"], ["nowhere"]),
        (["view", "nowhere"], ["nowhere"]),
    ],
)
def test_bad_input_is_three_lines_and_2(
    arguments: list[str],
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    errors = capsys.readouterr().err
    lines = errors.strip().splitlines()
    assert len(lines) == 3, errors
    assert lines[0].startswith("codo: ")
    assert lines[1].startswith("  where: ")
    assert lines[2].startswith("  fix:   ")
    assert all(word in errors for word in words)
    assert not list(tmp_path.iterdir())  # nothing written


ORDERS = [
    ("prepare", ["photos"], ["--out", "c", "--jobs", "2", "--no-proposals"], ["max_rejected=0.2"]),
    ("pretrain", [], ["-c", "laptop", "--profile"], ["optim.lr=0.1", "backgrounds=[a,b]"]),
    ("finetune", [], ["--config", "x=y.yaml"], ["data=d", "out=o"]),
    ("compare", [], ["-c", "table1"], ["jobs=2", "out=o"]),
    ("view", ["run"], ["--images", "3", "--out=p.html"], ["data=d", "by=segm"]),
    ("evaluate", ["run"], ["--debug"], ["data=d"]),
    ("probe", ["run"], ["--debug"], ["data=d"]),
    ("plan", ["laptop"], ["--debug"], ["gpus=8"]),
]


@pytest.mark.parametrize(("verb", "first", "options", "settings"), ORDERS, ids=[row[0] for row in ORDERS])
def test_settings_may_stand_anywhere(verb: str, first: list[str], options: list[str], settings: list[str]) -> None:
    """Before, between and after options and what the verb is about."""
    parser = cli.build_parser()
    expected = vars(parser.parse_args([verb, *first, *settings, *options]))
    assert all(word in str(expected) for word in settings)
    for words in (
        [*first, *options, *settings],
        [*options, *first, *settings],
        [*first, *settings[:1], *options, *settings[1:]],
    ):
        assert vars(parser.parse_args([verb, *words])) == expected


def test_an_option_may_be_given_as_a_setting() -> None:
    parser = cli.build_parser()
    assert vars(parser.parse_args(["prepare", "photos", "out=a=b", "jobs=2"])) == vars(
        parser.parse_args(["prepare", "photos", "--out", "a=b", "--jobs", "2"])
    )
    assert parser.parse_args(["view", "run", "images=3", "out=p.html"]).images == 3
    assert parser.parse_args(["export", "to=timm", "run"]).to == "timm"
    assert parser.parse_args(["pretrain", "out=run"]).settings == ["out=run"]  # a setting there
    assert parser.parse_args(["prepare", "p", "--out", "jobs=2"]).out == "jobs=2"  # the value of an option


def test_settings_after_options_reach_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    assert cv2.imwrite(str(tmp_path / "photos/a.png"), image)
    (tmp_path / "photos/b.png").write_text("not an image")
    words = ["prepare", str(tmp_path / "photos"), "--no-proposals", "max_rejected=0.6", f"out={tmp_path / 'catalog'}"]
    assert cli.main(words) == 0
    assert codo.open_catalog(tmp_path / "catalog").settings["max_rejected"] == 0.6
    page = tmp_path / "page.html"
    assert cli.main(["view", str(tmp_path / "catalog"), "--out", str(page)]) == 0
    assert page.is_file()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CodoError("x", where="y", fix="z"), 1),
        (Interrupted("x"), 130),
        (Preempted("x"), 143),
        (KeyboardInterrupt(), 130),
        (ValueError("surprise"), 1),
    ],
)
def test_exit_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setitem(cli.VERBS, "doctor", fail)
    assert cli.main(["doctor"]) == code
    assert "Traceback" not in capsys.readouterr().err
    with pytest.raises(type(error)):
        cli.main(["doctor", "--debug"])
