"""``python -m omniops``."""

from omniops.entry import main

if __name__ == "__main__":
    main()
