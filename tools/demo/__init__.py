"""`make demo`: a local cluster, the chart, the operator, and a digital human that becomes Ready."""
