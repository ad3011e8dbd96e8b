"""mypy on tinygan/ and on kernels/ beside it: ``python .ci/check_types.py``. Exit status: 0 no error, 1 an error.

mypy names a module by its folder, but tinygan/kernels.py sets ``__path__``: kernels/jit/pool.py is tinygan.kernels.jit.pool.
So its files are given to mypy with the names by which they are imported.
"""

import sys
from pathlib import Path

from mypy.build import build
from mypy.errors import CompileError
from mypy.main import process_options
from mypy.modulefinder import BuildSource


def main() -> int:
    sources, options = process_options(["tinygan", *sys.argv[1:]])
    options.fast_module_lookup = True  # an import is looked for among the files given
    for path in sorted(Path("kernels").rglob("*.py")):
        name = ".".join(("tinygan", *path.with_suffix("").parts)).removesuffix(".__init__")
        sources.append(BuildSource(str(path), name))
    try:
        errors = build(sources, options).errors
    except CompileError as error:
        errors = error.messages
    print(*errors, f"{len(errors)} errors and notes in {len(sources)} files", sep="\n")
    return 1 if errors else 0


if __name__ == "__main__":
    raise SystemExit(main())
