"""What `asv` runs at every commit, so that a slower one shows: see `asv.conf.json`."""
