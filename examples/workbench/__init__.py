"""A workbench for chat models: run, tune, compare, copy. `python -m examples.workbench`."""
