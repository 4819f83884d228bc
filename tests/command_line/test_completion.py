"""The scripts in the shells themselves, with no program on the path; zsh and fish where they are installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codo.command_line.completion import script
from codo.command_line.words import all_words
from tests.command_line.shells import BASH, FISH, ZSH, ask_bash, ask_fish, ask_zsh, tab

needs_bash = pytest.mark.skipif(BASH is None, reason="bash is not installed")
needs_zsh = pytest.mark.skipif(ZSH is None, reason="zsh is not installed")
needs_fish = pytest.mark.skipif(FISH is None, reason="fish is not installed")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the command prints for each shell, in a file."""
    folder = tmp_path_factory.mktemp("completion")
    files = {shell: folder / f"codo.{shell}" for shell in ("bash", "zsh", "fish")}
    for shell, file in files.items():
        file.write_text(script(shell))
    return files


CASES = {
    "codo pre": ["prepare ", "pretrain "],
    "codo --debug conv": ["convert "],
    "codo --ver": ["--version "],
    "codo pretrain -c lap": ["laptop "],
    "codo plan lap": ["laptop "],
    "codo finetune --config finetune_": ["finetune_laptop "],
    "codo finetune --config=finetune_": ["finetune_laptop "],
    "codo compare x=1 -c table1_2": ["table1_2x "],
    "codo pretrain --pro": ["--profile "],
    "codo pretrain op": ["options=", "optim.", "options."],
    "codo pretrain optim.l": [
        "optim.lr=",
        "optim.lr_scaling=",
        "optim.lars_bias_lr_factor=",
        "optim.lars_biases=",
        "optim.lr_factors=",
    ],
    "codo pretrain -c laptop steps=3 cpj.ji": ["cpj.jitter="],
    "codo pretrain probe.": ["probe.data=", "probe.data.", "probe.image_folder=", "probe.boxes=", "probe.images="],
    "codo pretrain optim.kind=l": ["lars "],
    "codo pretrain probe=": ["null "],
    "codo pretrain foregrounds=pho": [],
    "codo finetune data": ["data=", "data."],
    "codo export --to torch": [],
    "codo prepare --engine ": ["local ", "ray "],
    "codo prepare photos/ --out catalog proposals.mo": ["proposals.mode="],
    "codo recipes moco": ["moco ", "moco_v2 "],
    "codo settings cpj": ["cpj ", "cpj."],
    "codo settings cpj.jit": ["cpj.jitter "],
    "codo completion ": ["bash ", "zsh ", "fish "],
    "codo unknown x": [],
}


FIRST_OF_MANY = "codo pretrain probe."
GROUPS_IN_FISH = {"codo pretrain op", "codo finetune data", FIRST_OF_MANY, "codo settings cpj"}
"""Here fish, which shows a pager, offers whole names."""
SETTINGS = {(verb.name, name): f"codo {verb.name} {name[:-1]}" for verb in all_words() for name in verb.settings}
"""Every setting of every verb with its last letter missing, which has to lead to the name."""


@needs_bash
def test_bash_completes_without_any_program(scripts: dict[str, Path]) -> None:
    found = dict(zip(CASES, ask_bash(scripts["bash"], list(CASES)), strict=True))
    assert found.pop(FIRST_OF_MANY)[:5] == CASES[FIRST_OF_MANY]
    assert found == {line: words for line, words in CASES.items() if line in found}


@needs_zsh
def test_zsh_completes_without_any_program(scripts: dict[str, Path], tmp_path: Path) -> None:
    found = dict(zip(CASES, ask_zsh(scripts["zsh"], list(CASES), tmp_path), strict=True))
    assert found.pop(FIRST_OF_MANY)[:5] == CASES[FIRST_OF_MANY]
    # Without a suffix (groups, names of settings) before with one; in the order of `codo` itself within both.
    assert {line: sorted(words) for line, words in found.items()} == {
        line: sorted(words) for line, words in CASES.items() if line in found
    }


@needs_fish
def test_fish_completes_without_any_program(scripts: dict[str, Path], tmp_path: Path) -> None:
    found = dict(zip(CASES, ask_fish(scripts["fish"], list(CASES), tmp_path), strict=True))
    for line in GROUPS_IN_FISH:
        typed = line.split()[-1]
        assert len(found[line]) >= len(CASES[line])
        assert all(word.startswith(typed) for word in found.pop(line))
    # The whole word is given, where bash and zsh complete what stands after its "=".
    whole = {
        "codo finetune --config=finetune_": ["--config=finetune_laptop "],
        "codo pretrain optim.l": [
            "optim.lr=",
            "optim.lr_factors=",
            "optim.lr_scaling=",
            "optim.lr_scaling=linear ",
            "optim.lr_scaling=none ",
            "optim.lr_scaling=sqrt ",
        ],
        "codo pretrain optim.kind=l": ["optim.kind=lars "],
        "codo pretrain probe=": ["probe=", "probe=null "],
        "codo prepare photos/ --out catalog proposals.mo": [
            "proposals.mode=",
            "proposals.mode=fast ",
            "proposals.mode=quality ",
            "proposals.mode=single ",
        ],
    }
    assert found == {line: sorted(whole.get(line, words)) for line, words in CASES.items() if line in found}


@needs_fish
def test_fish_offers_files_where_no_word_is_known(scripts: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    (tmp_path / "lamps").touch()
    lines = ["pretrain foregrounds=phot", "prepare phot", "pretrain optim.kind=l", "export --out la"]
    assert ask_fish(scripts["fish"], [f"codo {line}" for line in lines], tmp_path) == [
        ["foregrounds=photographs/"],
        ["photographs/"],
        ["optim.kind=lars "],  # not the file
        ["lamps "],
    ]


@needs_bash
def test_bash_where_the_equals_sign_is_no_word_break(scripts: dict[str, Path]) -> None:
    lines = ["codo pretrain optim.kind=l", "codo prepare --engine=r", "codo pretrain optim.kin"]
    expected = [["optim.kind=lars "], ["--engine=ray "], ["optim.kind="]]
    assert ask_bash(scripts["bash"], lines, " \t\n") == expected


@needs_bash
def test_bash_knows_every_setting_of_every_verb(scripts: dict[str, Path]) -> None:
    unknown(ask_bash(scripts["bash"], list(SETTINGS.values())))


@needs_zsh
def test_zsh_knows_every_setting_of_every_verb(scripts: dict[str, Path], tmp_path: Path) -> None:
    unknown(ask_zsh(scripts["zsh"], list(SETTINGS.values()), tmp_path))


@needs_fish
def test_fish_knows_every_setting_of_every_verb(scripts: dict[str, Path], tmp_path: Path) -> None:
    unknown(ask_fish(scripts["fish"], list(SETTINGS.values()), tmp_path))


def unknown(replies: list[list[str]]) -> None:
    """Fail for settings that are not among the replies to their names without the last letter."""
    found = zip(SETTINGS, replies, strict=True)
    assert [key for key, words in found if f"{key[1]}=" not in words] == []
    assert len(SETTINGS) > 500


@pytest.mark.parametrize("shell", [pytest.param("bash", marks=needs_bash), pytest.param("zsh", marks=needs_zsh)])
def test_tab_in_an_interactive_shell(shell: str, scripts: dict[str, Path], tmp_path: Path) -> None:
    """The line editor itself: what is inserted for a setting, its value, a recipe, and a file after ``=``."""
    (tmp_path / "photographs").mkdir()
    keys = "codo pretr\t-c one_\toptim.weig\t0.1 optim.kin\tl\t foregrounds=phot\t\n"
    shown = tab(shell, scripts[shell], tmp_path, keys)
    words = "<pretrain><-c><one_gpu><optim.weight_decay=0.1><optim.kind=lars><foregrounds=photographs/>"
    if shell == "zsh":  # which takes the slash away where the word ends
        words = words.replace("/>", ">")
    assert words in shown, shown


@needs_bash
def test_quotes_and_blocks_for_zsh_are_closed(scripts: dict[str, Path], tmp_path: Path) -> None:
    """As far as bash can tell, where there is no zsh."""
    assert subprocess.run([BASH, "-n", str(scripts["zsh"])], capture_output=True, text=True, check=False).stderr == ""
    file = tmp_path / "codo.zsh"
    file.write_text(scripts["zsh"].read_text().replace("    esac", "", 1))
    assert subprocess.run([BASH, "-n", str(file)], capture_output=True, check=False).returncode


def test_the_others_have_every_word(scripts: dict[str, Path]) -> None:
    zsh, fish = scripts["zsh"].read_text(), scripts["fish"].read_text()
    for verb in all_words():
        for name in verb.settings:
            assert f" {name}=" in zsh or f"'{name}=" in zsh
            assert f"\"__codo_verb_is {verb.name}\" -a '{name}='" in fish
        for option in verb.options:
            assert all(name in zsh for name in option.names)
    assert zsh.startswith("#compdef codo\n")
    for text in (zsh, fish, scripts["bash"].read_text()):
        assert "TABLES" not in text
    commands = [line for line in fish.splitlines() if line.startswith("complete ")]
    assert len(commands) > 500
    assert all(line.replace("\\'", "").count("'") % 2 == 0 for line in commands)
