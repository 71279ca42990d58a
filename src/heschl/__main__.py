"""``python -m heschl``."""

from heschl.cli import main

if __name__ == "__main__":
    main()
