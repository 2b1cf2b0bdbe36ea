"""What the frameworks really hand to a model: conversations recorded from runs, one file a flow.

`python -m tools.histories.record` makes them; `test_histories.py` sends them all.
"""
