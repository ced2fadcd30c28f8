"""The node lane: a control plane and one real node, in namespaces of their own on this machine.

The node has its own processes, mounts and network, as a container has. So nothing of the machine
is changed: when the node's first process ends, the kernel ends all others and drops mounts, links
and packet rules. Two such clusters run side by side.
"""
