"""Runnable examples: see README.md beside this file. `python -m examples.<framework>.<name>`."""

import sys

if sys.argv[:1] == ["-m"]:  # so Python calls it while it looks for the module to run: not when a test imports this
    from examples.support.endings import install

    install()
