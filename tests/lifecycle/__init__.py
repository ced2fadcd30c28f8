"""The operator on a real control plane, with the rights of the chart."""
