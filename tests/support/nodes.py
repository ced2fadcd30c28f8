"""The simulated nodes that every cluster test can count on."""

from tools.cluster.nodes import POOLS

COUNTS = dict.fromkeys(POOLS, 1) | {"gke-a100-40": 2, "gke-a100-80": 2}
"""Two of each GKE pool, for spreading and draining; one of every other."""
