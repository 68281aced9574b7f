"""Where the process begins and ends: fast answers, global options, errors in words, exit codes."""

from __future__ import annotations

import errno
import gc
import os
import sys
from contextlib import suppress

_UNWRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EROFS, errno.ECONNRESET)

_told: list[str] = []
"""Why the answer could not be written, once that is said."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    _open_closed()
    gc.disable()  # a command is short; 5 ms of collecting at start-up are not (docs/benchmarks.md)
    code = run(sys.argv[1:])
    code = _flushed(code)
    context = sys.modules.get("omniops.cli.context")
    if context is not None and context.opened:
        from omniops.cli.afterwards import tick_once

        tick_once(code, sys.argv[1:])
    if os.environ.get("OMNIOPS_TIDY_EXIT"):  # for coverage and debuggers
        sys.exit(code)
    os._exit(code)  # skips interpreter tear-down: 10 ms, 25 with an HTTP client (docs/benchmarks.md)


def run(argv: list[str]) -> int:
    """Run one command and return its exit code. Nothing escapes: a bug is four lines and exit code 70."""
    try:
        if argv == ["--version"]:
            from omniops import __version__

            print(f"omniops {__version__}")
            return 0
        if argv in (["--help"], ["-h"], []):
            return _root_help()
        rest = _global_options(argv)
        return _command(rest)
    except BrokenPipeError:
        from omniops.terminal.streams import quiet_broken_pipe

        quiet_broken_pipe()
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # What a file or a service refuses has been put into words where it was asked; this was stdout.
        if error.errno in _UNWRITTEN and error.filename is None:
            return _unwritten(error)
        return _failed(error, argv)
    except Exception as error:
        return _failed(error, argv)


def _open_closed() -> None:
    """Put something behind a standard stream that is closed, or the journal would be opened in its place: no input, an
    answer that cannot be written, hints that nobody reads."""
    for number, (name, how) in enumerate((("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, how)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            mode = "w" if number else "r"
            stream = open(number, mode, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
    with suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]


def _flushed(code: int) -> int:
    """What is still in a buffer leaves. An answer that did not arrive is a failure, a hint on stderr is none."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # who read us has read enough
        pass
    except OSError as error:
        unwritten = 0 if _told else _unwritten(error)  # the buffer keeps what it could not write
        code = code or unwritten
    with suppress(OSError):
        sys.stderr.flush()
    return code


def _unwritten(error: OSError) -> int:
    """Say that stdout takes no more: a full disk behind it, as a rule. A command that has done something ends with 6,
    so that no script takes it for a failure without consequences."""
    from omniops.errors import Exit

    _told.append(str(error.strerror))
    _say(f"the answer could not be written: {error.strerror}; what the command did stands")
    context = sys.modules.get("omniops.cli.context")
    return int(Exit.BROKEN if context is not None and context.has_written() else Exit.UNREACHABLE)


def _say(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr)


def _root_help() -> int:
    try:
        with open(os.path.join(os.path.dirname(__file__), "help.txt"), encoding="utf-8") as shipped:
            sys.stdout.write(shipped.read())
    except FileNotFoundError:
        return _command(["--help"])
    return 0


def _global_options(argv: list[str]) -> list[str]:
    """Take ``--color``, ``--env`` and ``--runbooks`` out, wherever they stand; they become settings."""
    names = {"--color": "OMNIOPS_COLOR", "--env": "OMNIOPS_ENV", "--runbooks": "OMNIOPS_RUNBOOKS"}
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            return [*rest, word, *words]
        if name not in names:
            rest.append(word)
            continue
        value = value if equals else next(words, "")
        if name == "--color":
            if value not in ("auto", "always", "never"):
                raise _bad_option(f"--color takes auto, always or never, not {value!r}")
            os.environ["OMNIOPS_COLOR"] = value
            continue
        if not value.strip() or (value.startswith("-") and not equals):
            raise _bad_option(f"{name} takes a value")
        from omniops.cli.context import FLAGS

        FLAGS[names[name]] = value.strip()
    return rest


def _bad_option(what: str) -> Exception:
    from omniops.errors import BadInput

    return BadInput(what, state="nothing was attempted", next="omniops --help")


def _command(argv: list[str]) -> int:
    from omniops.cli.lean import import_typer

    import_typer()
    from omniops.cli.app import build

    wanted = next((word for word in argv if not word.startswith("-")), "")
    try:
        code = build(wanted)(args=argv, prog_name="omniops", standalone_mode=False)
    except SystemExit as end:  # typer makes a failure of a broken pipe
        raise end.__context__ if isinstance(end.__context__, BrokenPipeError) else end from None
    return int(code or 0)


def _failed(error: Exception, argv: list[str]) -> int:
    from omniops.errors import Exit, OmniopsError

    error = _asked_to_stop(error, argv)
    if isinstance(error, OmniopsError):
        from omniops.cli.context import streams
        from omniops.terminal.errors import show_error

        show_error(error, streams())
        if "--json" in argv:
            from omniops.cli.context import emit

            said = {"what": error.what, "why": error.why, "state": error.state, "next": error.next}
            with suppress(OSError):  # stderr has it
                emit({"schema": "omniops.error/1", "exit": int(error.exit), "error": said})
        return int(error.exit)
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # typer's usage errors
        with suppress(OSError):
            error.show()
        return int(Exit.USAGE)
    if isinstance(error, OSError) and isinstance(error.filename, (str, os.PathLike)):
        return _failed(_unusable(error), argv)
    return _bug(error)


def _unusable(error: OSError) -> Exception:
    """A file that nobody expected to be refused. It is the machine that has to be mended, not omniops."""
    from omniops.errors import Broken

    return Broken(
        f"{error.filename} cannot be used",
        why=error.strerror or str(error),
        state="the journal holds all that was done; nothing is lost",
        next="mend that, and type it again; a run goes on with omniops resume",
    )


def _asked_to_stop(error: Exception, argv: list[str]) -> Exception:
    """Ctrl-C at a question that no walk has put: nothing hangs on it, so there is nothing to resume."""
    person = sys.modules.get("omniops.runner.person")
    if person is None or not isinstance(error, person.PauseAsked):
        return error
    import shlex

    from omniops.errors import Interrupted

    return Interrupted(
        "interrupted at a question",
        state="nothing was done after it; what was done before it stands",
        next=f"{shlex.join(['omniops', *argv])} asks again",
    )


def _bug(error: Exception) -> int:
    """Say where it broke, without the values: a traceback's locals and messages may hold secrets."""
    import traceback

    from omniops.errors import Exit
    from omniops.text import one_line, redact

    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno} in {frame.name}"
    _say(f"a bug in omniops: {type(error).__name__} at {place}")
    _say(f"why:   {one_line(redact(str(error)))}")
    _say("state: the journal holds all that was done; nothing is lost")
    _say("next:  omniops resume, and please report this line")
    if os.environ.get("OMNIOPS_TRACEBACK"):
        traceback.print_exception(error)
    return int(Exit.BUG)
