"""``python -m tinygan``, and the entry of the command ``tinygan``: light, so that Ctrl-C is clean from the start."""


def main() -> int:
    """Run the command; returns the exit code."""
    try:
        from tinygan.cli import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
