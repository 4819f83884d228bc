"""The list of recipes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codo.cli import main
from codo.command_line.recipe_list import TITLES, comment_of, headline, listing, verb_of
from codo.command_line.resolved_recipe import accepting_verb
from codo.core.config import read_recipe, shipped_recipes


def test_each_recipe_is_in_the_list_once_below_a_verb_that_takes_it() -> None:
    found: dict[str, str] = {}
    verb = ""
    for line in listing(120).splitlines():
        verb = next((name for name, title in TITLES.items() if line == title), verb)
        if line.startswith("   "):
            continue  # the rest of a text
        if line.startswith("  "):
            name, said = line.split(maxsplit=1)
            assert name not in found
            assert len(said) > 10
            assert len(line) <= 120
            found[name] = verb
    assert found == {name: accepting_verb(name) for name in shipped_recipes()}
    assert all(verb_of(read_recipe(name)) == verb for name, verb in found.items())


def test_a_narrow_list_leaves_no_word_out() -> None:
    assert listing(80).split() == listing(400).split()
    assert all(len(line) <= 80 for line in listing(80).splitlines() if line.startswith("  "))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "# A method, 200 epochs (A; docs/method.md#moco-v2-recipe): two.\n# Three\nkey: 1\n",
            "A method, 200 epochs: two",
        ),
        ("# Of the paper's section\n# 2.2 (Table 1).\n#\n# Not this.\n", "Of the paper's section 2.2 (Table 1)"),
        ("# Short. And its second sentence. A third.\n", "Short. And its second sentence"),
        ("# The same, as a command:\n#   codo demo\n# More.\n", "The same, as a command"),
    ],
)
def test_the_line_is_the_first_sentence(text: str, said: str) -> None:
    assert headline(comment_of(text)) == said


def test_the_list_needs_no_torch() -> None:
    check = "import sys; from codo.cli import main; assert main(['recipes']) == 0; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True)
    assert "  laptop " in done.stdout


def test_a_recipe_is_printed_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "laptop"]) == 0
    assert "# For a few hundred" in (shown := capsys.readouterr().out)
    assert "canvas: 64" in shown
    own = tmp_path / "own.yaml"
    own.write_text("# mine\nbase: laptop\nsteps: 3\n")
    assert main(["recipes", str(own)]) == 0
    assert capsys.readouterr().out == own.read_text()
    assert main(["recipes", "lptop"]) == 2
    assert "did you mean 'laptop'?" in capsys.readouterr().err
    assert main(["recipes", "--show"]) == 2
    assert "needs a recipe" in capsys.readouterr().err
