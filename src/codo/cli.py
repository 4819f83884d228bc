"""The entry point of the command line: messages and exit codes. Parser and verbs: `codo.command_line`.

Exit codes: 0 done, 1 failed, 2 bad input or configuration, 130 interrupted, 143 preempted (checkpoint saved).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from codo.command_line.parser import build_parser
from codo.command_line.verbs import VERBS
from codo.core.cpu import spin_briefly
from codo.core.errors import CodoError, class_and_line, nearest


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = build_parser()
    _suggest_verb(parser, sys.argv[1:] if arguments is None else arguments)
    args = parser.parse_args(arguments)
    spin_briefly(os.environ)
    try:
        VERBS[args.verb](args)
    except CodoError as error:
        if args.debug:
            raise
        _print_error(error.lines())
        return error.exit_code
    except KeyboardInterrupt:
        if args.debug:
            raise
        _print_error(["stopped by Ctrl-C"])
        return 130
    except BrokenPipeError:  # the reader of our output has exited, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if args.debug:
            raise
        fix = "free disk space or fix the permissions, then run the same command again to resume"
        _print_error([error.strerror or str(error), f"  where: {error.filename or args.verb}", f"  fix:   {fix}"])
        return 1
    except Exception as error:
        if args.debug:
            raise
        fix = "run again with --debug for the traceback, and please report it"
        _print_error([f"unexpected {class_and_line(error)}", f"  where: codo {args.verb}", f"  fix:   {fix}"])
        return 1
    return 0


def _suggest_verb(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Suggest the nearest verb for a mistyped one; argparse alone would list all verbs."""
    given = next((item for item in arguments if not item.startswith("-")), None)
    if given is not None and given not in VERBS:
        hint = nearest(given, list(VERBS)) or f"verbs: {', '.join(VERBS)}"
        _print_error([f"unknown verb '{given}'", "  where: command line", f"  fix:   {hint}"])
        raise SystemExit(2)


def _print_error(lines: list[str]) -> None:
    print(f"codo: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
