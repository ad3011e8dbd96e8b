"""``python -m tinygan`` is the command ``tinygan``."""

from tinygan.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
