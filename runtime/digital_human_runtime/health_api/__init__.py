"""Port 9090: probes and metrics."""
