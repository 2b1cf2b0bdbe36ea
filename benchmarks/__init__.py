"""Ours and the peers, side by side: ratios from one run, never absolute claims.

`python -m benchmarks` runs all of it in under ten minutes on two cores, `--quick` in under two.
`server` answers (its own process, its own core), `worker` runs one subject in one process,
`rounds` interleaves the workers, `goals` reads the ratios, `report` and `plot` show them.
"""
