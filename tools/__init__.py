"""What is run by hand: fuzzing, soak and leak runs, mutation score, comparisons, recordings, generated pages.

The tests run short versions. Tools may use the tests' own helpers; nothing else outside of `tests/` may.
"""
