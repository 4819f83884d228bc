"""The scripts: bash's in bash, with no program on the path; zsh and fish where they are installed."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from codo.command_line.completion import script
from codo.command_line.words import all_words

BASH = shutil.which("bash") or pytest.skip("no bash here", allow_module_level=True)
BREAKS = " \t\n\"'><=;|&(:"
"""Readline's characters between words; bash sets them when it is interactive."""


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("completion") / "codo.bash"
    file.write_text(script("bash"))
    return file


@pytest.fixture(scope="module")
def zsh() -> str:
    return script("zsh")


@pytest.fixture(scope="module")
def fish() -> str:
    return script("fish")


def replies(file: Path, lines: list[str], breaks: str = BREAKS) -> list[list[str]]:
    """What bash would be given for each line, with the cursor at its end; words end with their space."""
    asks = "\n".join(
        f"COMP_LINE={ask}; COMP_POINT=${{#COMP_LINE}}; _codo; printf '%s,' \"${{COMPREPLY[@]}}\"; echo"
        for ask in map(quoted, lines)
    )
    program = f"set -e\nCOMP_WORDBREAKS={quoted(breaks)}\nsource {quoted(str(file))}\n{asks}\n"
    done = subprocess.run([BASH, "-c", program], capture_output=True, text=True, check=True, env={"PATH": "/nowhere"})
    assert done.stderr == ""
    return [[word for word in line.split(",") if word] for line in done.stdout.splitlines()]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


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
    "codo pretrain optim.l": ["optim.lr=", "optim.lr_scaling=", "optim.lr_factors="],
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


def test_bash_completes_without_any_program(bash: Path) -> None:
    found = dict(zip(CASES, replies(bash, list(CASES)), strict=True))
    first = found.pop("codo pretrain probe.")
    assert first[:5] == CASES["codo pretrain probe."]
    assert found == {line: words for line, words in CASES.items() if line in found}


def test_bash_where_the_equals_sign_is_no_word_break(bash: Path) -> None:
    lines = ["codo pretrain optim.kind=l", "codo prepare --engine=r", "codo pretrain optim.kin"]
    assert replies(bash, lines, " \t\n") == [["optim.kind=lars "], ["--engine=ray "], ["optim.kind="]]


def test_bash_knows_every_setting_of_every_verb(bash: Path) -> None:
    """Each name with its last letter missing leads to itself."""
    typed = {(verb.name, name): f"codo {verb.name} {name[:-1]}" for verb in all_words() for name in verb.settings}
    found = zip(typed, replies(bash, list(typed.values())), strict=True)
    assert [key for key, words in found if f"{key[1]}=" not in words] == []
    assert len(typed) > 500


def test_tab_in_an_interactive_bash(bash: Path, tmp_path: Path) -> None:
    """Readline itself: what is inserted for a setting, its value, a recipe, and a file after ``=``."""
    (tmp_path / "photographs").mkdir()
    start = tmp_path / "start"
    lines = (
        "bind 'set completion-query-items -1' 'set page-completions off'",  # questions, for which the test would wait
        f"source {bash}",
        "codo() { printf '<%s>' \"$@\"; exit; }",
        "PS1=READY\n",
    )
    start.write_text("\n".join(lines))
    main_end, other_end = pty.openpty()
    environment = {"PATH": "/nowhere", "TERM": "dumb", "HOME": str(tmp_path), "INPUTRC": "/dev/null"}
    command = [BASH, "--noprofile", "--rcfile", str(start), "-i"]
    with subprocess.Popen(
        command,
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        env=environment,
        cwd=tmp_path,
        start_new_session=True,
    ) as shell:
        os.close(other_end)
        shown = read_until(main_end, "READY")
        os.write(main_end, b"codo pretr\t-c one_\toptim.weig\t0.1 optim.kin\tl\t foregrounds=phot\t\n")
        shown = read_until(main_end, "")
        shell.wait()
    os.close(main_end)
    words = "<pretrain><-c><one_gpu><optim.weight_decay=0.1><optim.kind=lars><foregrounds=photographs/>"
    assert words in shown, shown


def read_until(descriptor: int, end: str) -> str:
    """What a terminal shows until ``end`` is there, or without one until it closes."""
    shown = ""
    while not end or end not in shown:
        try:
            more = os.read(descriptor, 4096)
        except OSError:  # Linux: the other side has closed
            break
        if not more:
            break
        shown += more.decode()
    return shown


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_syntax_of_the_others_where_they_are_installed(
    shell: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / f"codo.{shell}"
    file.write_text(request.getfixturevalue(shell))
    subprocess.run([shell, "-n", str(file)], check=True)


def test_quotes_and_blocks_for_zsh_are_closed(zsh: str, tmp_path: Path) -> None:
    """As far as bash can tell, where there is no zsh."""
    file = tmp_path / "codo.zsh"
    file.write_text(zsh)
    assert subprocess.run([BASH, "-n", str(file)], capture_output=True, text=True, check=False).stderr == ""
    file.write_text(zsh.replace("    esac", "", 1))
    assert subprocess.run([BASH, "-n", str(file)], capture_output=True, check=False).returncode


def test_the_others_have_every_word(bash: Path, zsh: str, fish: str) -> None:
    for verb in all_words():
        for name in verb.settings:
            assert f" {name}=" in zsh or f"'{name}=" in zsh
            assert f"\"__codo_verb_is {verb.name}\" -a '{name}='" in fish
        for option in verb.options:
            assert all(name in zsh for name in option.names)
    assert zsh.startswith("#compdef codo\n")
    for text in (zsh, fish, bash.read_text()):
        assert "TABLES" not in text
    commands = [line for line in fish.splitlines() if line.startswith("complete ")]
    assert len(commands) > 500
    assert all(line.replace("\\'", "").count("'") % 2 == 0 for line in commands)
