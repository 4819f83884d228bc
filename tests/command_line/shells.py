"""Completion as the shells themselves do it: bash, zsh and fish, with no program on the path."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from pathlib import Path

BREAKS = " \t\n\"'><=;|&(:"
"""Readline's characters between words; bash sets them when it is interactive."""
BASH, ZSH, FISH = map(shutil.which, ("bash", "zsh", "fish"))

# zsh: what `_codo` hands to compadd and the word that is typed admits, for every line of the file "lines".
_ASK_ZSH = """
compadd() {
    if [[ ${funcstack[2]} != _codo ]]; then builtin compadd "$@"; return; fi
    local -a matches
    local word end=' '
    if [[ $1 == -S ]]; then end=$2; fi
    builtin compadd -O matches "$@"
    for word in $matches; do print -rn -u3 -- "$word$end,"; done
}
ask() {
    exec 3>replies
    for line in "${(@f)$(<lines)}"; do
        BUFFER=$line
        CURSOR=$#BUFFER
        zle complete-word
        print -u3
    done
    exit
}
zle -N ask
bindkey '^X' ask
"""
# fish: adds the space that TAB would type after a word.
_ASK_FISH = """
while read -l line
    for word in (complete -C"$line" | string split -f1 \\t)
        string match -rq '[=/]$' -- $word; and printf '%s,' $word; or printf '%s ,' $word
    end
    echo
end
"""


def ask_bash(script: Path, lines: list[str], breaks: str = BREAKS) -> list[list[str]]:
    """What readline would be given for each line, with the cursor at its end; words end with their space.

    Args:
        script: What ``codo completion bash`` prints.
        lines: What is typed.
        breaks: bash's ``COMP_WORDBREAKS``.
    """
    assert BASH
    asks = "\n".join(
        f"COMP_LINE={ask}; COMP_POINT=${{#COMP_LINE}}; _codo; printf '%s,' \"${{COMPREPLY[@]}}\"; echo"
        for ask in map(_quoted, lines)
    )
    program = f"set -e\nCOMP_WORDBREAKS={_quoted(breaks)}\nsource {_quoted(str(script))}\n{asks}\n"
    done = subprocess.run([BASH, "-c", program], capture_output=True, text=True, check=True, env={"PATH": "/nowhere"})
    assert done.stderr == ""
    return _words(done.stdout)


def ask_zsh(script: Path, lines: list[str], home: Path) -> list[list[str]]:
    """What zsh's line editor offers for each line; words end with their space.

    Args:
        script: What ``codo completion zsh`` prints.
        lines: What is typed.
        home: An empty folder.
    """
    home.mkdir(exist_ok=True)
    (home / "lines").write_text("".join(f"{line}\n" for line in lines))
    shown = tab("zsh", script, home, "\x18", _ASK_ZSH)
    assert (home / "replies").is_file(), shown
    return _words((home / "replies").read_text())


def ask_fish(script: Path, lines: list[str], home: Path) -> list[list[str]]:
    """What fish offers for each line, files included; words end with their space.

    Args:
        script: What ``codo completion fish`` prints.
        lines: What is typed.
        home: The folder whose files are offered.
    """
    assert FISH
    home.mkdir(exist_ok=True)
    command = [FISH, "--no-config", "-c", f"source {_quoted(str(script))}\n{_ASK_FISH}"]
    typed = "".join(f"{line}\n" for line in lines)
    environment = {"PATH": "/nowhere", "HOME": str(home)}
    done = subprocess.run(command, input=typed, capture_output=True, text=True, check=True, env=environment, cwd=home)
    assert done.stderr == ""
    return _words(done.stdout)


def tab(shell: str, script: Path, home: Path, keys: str, start: str = "") -> str:
    """What an interactive bash or zsh shows after these keys; ``codo`` prints its arguments there and ends the shell.

    Args:
        shell: ``bash`` or ``zsh``.
        script: What ``codo completion`` prints for it.
        home: The folder it runs in; its start file is written there.
        keys: What is typed, TAB and the end of the line too.
        start: Further lines of its start file.
    """
    program = {"bash": BASH, "zsh": ZSH}[shell]
    assert program
    if shell == "bash":
        # Questions, for which the test would wait.
        before = "bind 'set completion-query-items -1' 'set page-completions off'"
        arguments = ["--noprofile", "--rcfile", str(home / ".bashrc"), "-i"]
    else:
        before = "LISTMAX=10000; autoload -U compinit && compinit -D -u"
        arguments = ["-d", "-i"]
    lines = (before, f"source {_quoted(str(script))}", "codo() { printf '<%s>' \"$@\"; exit; }", start, "PS1=READY\n")
    (home / f".{shell}rc").write_text("\n".join(lines))
    here, there = pty.openpty()
    environment = {"PATH": "/nowhere", "TERM": "dumb", "HOME": str(home), "INPUTRC": "/dev/null"}
    with subprocess.Popen(
        [program, *arguments],
        stdin=there,
        stdout=there,
        stderr=there,
        env=environment,
        cwd=home,
        start_new_session=True,
    ) as process:
        os.close(there)
        _read_until(here, "READY")
        os.write(here, keys.encode())
        shown = _read_until(here, "")
        process.wait()
    os.close(here)
    return shown


def _read_until(descriptor: int, end: str) -> str:
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


def _words(text: str) -> list[list[str]]:
    return [[word for word in line.split(",") if word] for line in text.splitlines()]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
