"""Parts of `make bench-runtime`: each measures one thing against a running process."""
