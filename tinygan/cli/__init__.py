"""The command ``tinygan``. A user's mistake is one line on stderr and an exit code, never a traceback.

Exit codes: 0 done, 1 a check failed or memory ran out, 2 usage, 3 diverged, 4 data or checkpoint, 130 Ctrl-C,
143 SIGTERM. Each command is one module of this package (``commands.py``), imported when it runs.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from tinygan.cli.commands import parse
from tinygan.cli.compiling import told_of_compiling
from tinygan.cli.terminal import clear_line
from tinygan.errors import DataError, TinyganError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path may hold what the terminal cannot show
    try:
        run, args = parse(sys.argv[1:] if argv is None else argv)
        with told_of_compiling():
            return run(args)
    except TinyganError as error:
        print(f"tinygan: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of a pipe has gone, as with `| head`
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"tinygan: {error.filename or 'file'}: {error.strerror or error}", file=sys.stderr)
        return DataError.exit_code
    except MemoryError as error:
        print(f"tinygan: out of memory ({error}): use a smaller --batch, -n or net", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        clear_line(sys.stderr)
        print("tinygan: stopped", file=sys.stderr)
        return 130
