"""The entry point of the command line: messages and exit codes. Parser and verbs: `codo.command_line`.

Exit codes: 0 done, 1 failed, 2 bad input or configuration, 130 interrupted, 143 preempted (checkpoint saved).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from codo.command_line.parser import build_parser
from codo.command_line.verbs import VERBS
from codo.core.errors import CodoError, Preempted, class_and_line, nearest, print_error
from codo.core.interpreter import end_program, keep_imports
from codo.core.signals import STOPPING, Terminated, ended_by_signals, signals_pass
from codo.machine.cpu import spin_briefly


def program() -> int:
    """Run the command of this process, and end the process with its exit code; see `end_program` for when this returns.

    What libraries (Ray, trackers) have left for the end may take seconds.
    """
    keep_imports()
    code = settled_code()
    end_program(code)
    return code


def settled_code() -> int:
    """Run the command of this process; what schedulers send from here on does not change its exit code."""
    code = main()
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = build_parser()
    _suggest_verb(parser, sys.argv[1:] if arguments is None else arguments)
    args = parser.parse_args(arguments)
    spin_briefly(os.environ)
    try:
        with ended_by_signals(), signals_pass():
            VERBS[args.verb](args)
    except CodoError as error:
        if args.debug:
            raise
        if not _told(error):
            print_error(error.lines())
        return error.exit_code
    except Terminated as error:
        fix = "run the same command again"
        stopped = Preempted(f"stopped by {error}", where=f"codo {args.verb}", fix=fix)
        if not _told(stopped):
            print_error(stopped.lines())
        return stopped.exit_code
    except KeyboardInterrupt:
        if args.debug:
            raise
        print_error(["stopped by Ctrl-C"])
        return 130
    except BrokenPipeError:  # the reader of our output has exited, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if args.debug:
            raise
        fix = "free disk space or fix the permissions, then run the same command again to resume"
        print_error([error.strerror or str(error), f"  where: {error.filename or args.verb}", f"  fix:   {fix}"])
        return 1
    except Exception as error:
        if args.debug:
            raise
        fix = "run again with --debug for the traceback, and please report it"
        print_error([f"unexpected {class_and_line(error)}", f"  where: codo {args.verb}", f"  fix:   {fix}"])
        return 1
    return 0


def _told(error: CodoError) -> bool:
    """Whether another process prints the error: all those of torchrun have read the same command line."""
    if error.told is None and "TORCHELASTIC_RUN_ID" in os.environ:
        from codo.training.distributed import told_by_another

        error.told = told_by_another(error)
    return bool(error.told)


def _suggest_verb(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Suggest the nearest verb for a mistyped one; argparse alone would list all verbs."""
    given = next((item for item in arguments if not item.startswith("-")), None)
    if given is not None and given not in VERBS:
        hint = nearest(given, list(VERBS)) or f"verbs: {', '.join(VERBS)}"
        print_error([f"unknown verb '{given}'", "  where: command line", f"  fix:   {hint}"])
        raise SystemExit(2)


if __name__ == "__main__":
    sys.exit(program())
