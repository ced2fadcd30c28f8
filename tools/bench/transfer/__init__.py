"""Parts of `make bench-backup`: the data, the contenders, the clock, the link."""
