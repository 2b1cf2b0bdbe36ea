"""What the frameworks really hand to a model: conversations recorded from runs, one file a flow.

`python -m tests.integration.histories.record` makes them; `test_histories.py` sends them all.
"""
