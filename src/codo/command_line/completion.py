"""``codo completion SHELL``: a script that completes what stands after ``codo``.

The script holds all words itself, so that completion starts no Python. It is made anew after an upgrade. Names of
settings are completed group by group in bash and zsh (``op`` to ``optim.``, ``optim.l`` to ``optim.lr=``); where no
word is known, files are completed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import resources

from codo.command_line.parser import SHELLS
from codo.command_line.words import VerbWords, all_words

TOP_OPTIONS = ("--help", "--version", "--debug")


def script(shell: str) -> str:
    """The script for one of `SHELLS`."""
    writers: dict[str, Callable[[list[VerbWords]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    assert writers.keys() == set(SHELLS)
    return writers[shell](all_words())


def _template(shell: str) -> str:
    return (resources.files("codo") / "command_line" / "shells" / f"codo.{shell}").read_text(encoding="utf-8")


def _bash(verbs: list[VerbWords]) -> str:
    return _template("bash").replace("# TABLES\n", _tables(verbs))


def _zsh(verbs: list[VerbWords]) -> str:
    return _template("zsh").replace("# TABLES\n", _tables(verbs))


def _tables(verbs: list[VerbWords]) -> str:
    """Functions that bash and zsh read alike: each sets ``_codo_words`` to words with spaces between.

    ``_codo_options VERB``, ``_codo_option_values VERB OPTION`` (fails where no value follows), ``_codo_arguments VERB``
    and ``_codo_setting_values VERB SETTING``.
    """
    options, option_values, arguments, setting_values = [], [], [], []
    for verb in verbs:
        options.append((verb.name, " ".join(name for option in verb.options for name in option.names)))
        for option in (one for one in verb.options if one.takes_value):
            option_values += [(f"{verb.name} {name}", " ".join(option.values)) for name in option.names]
        arguments.append((verb.name, " ".join([*verb.words, *(f"{name}=" for name in verb.settings)])))
        setting_values += [(f"{verb.name} {name}", " ".join(values)) for name, values in verb.values.items()]
    return "\n".join(
        [
            f'_codo_verbs="{" ".join([*(verb.name for verb in verbs), *TOP_OPTIONS])}"',
            _function("_codo_options", "$1", options),
            _function("_codo_option_values", "$1 $2", option_values, strict=True),
            _function("_codo_arguments", "$1", arguments),
            _function("_codo_setting_values", "$1 $2", setting_values),
            "",
        ]
    )


def _function(name: str, key: str, rows: Iterable[tuple[str, str]], *, strict: bool = False) -> str:
    """A function that sets ``_codo_words`` by its arguments; equal words share a line.

    With ``strict`` it fails for unknown arguments. Others do not: bash may have been told to end at a failure.
    """
    keys: dict[str, list[str]] = {}
    for row, words in rows:
        keys.setdefault(words, []).append(f'"{row}"')
    lines = [f"        {'|'.join(those)}) _codo_words={_quoted(words)} ;;" for words, those in keys.items()]
    default = f"        *) _codo_words={'; return 1' if strict else ''} ;;"
    return "\n".join([f"{name}() {{", f'    case "{key}" in', *lines, default, "    esac", "}"])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(verbs: list[VerbWords]) -> str:
    """One command for each word, as fish wants it; it shows what each does."""
    start = "complete -c codo -f -n __codo_verb_is"
    lines = [f"{start} -l {option[2:]}" for option in TOP_OPTIONS]
    lines += [f"{start} -a {verb.name} -d {_said(verb.help)}" for verb in verbs]
    for verb in verbs:
        start = f'complete -c codo -n "__codo_verb_is {verb.name}"'
        lines.append("")
        if not verb.files and not verb.values:
            start += " -f"
        elif verb.values:  # no files there
            named = " ".join(verb.values)
            lines.append(f'complete -c codo -f -n "__codo_verb_is {verb.name}; and __codo_setting_is {named}"')
        for option in verb.options:
            spelled = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            takes = ""
            if option.takes_value:  # -r: files as well; -x: nothing else than the words
                takes = " -x" if option.values and not option.recipe else " -r"
                takes += f" -a {_quoted_for_fish(' '.join(option.values))}" if option.values else ""
            lines.append(f"{start} {spelled}{takes} -d {_said(option.help)}")
        if verb.words:
            lines.append(f"{start} -a {_quoted_for_fish(' '.join(verb.words))}")
        for name, text in verb.settings.items():
            lines.append(f"{start} -a {_quoted_for_fish(f'{name}=')} -d {_said(text)}")
            for value in verb.values.get(name, ()):
                lines.append(f"{start} -a {_quoted_for_fish(f'{name}={value}')}")
    return _template("fish") + "\n".join(lines) + "\n"


def _quoted_for_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _said(text: str) -> str:
    """What fish shows beside a word: the first part of the text."""
    return _quoted_for_fish(text.split(";")[0].strip()[:80])
