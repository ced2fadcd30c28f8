"""Version v1alpha1 of the group aiqtoolkit.io."""

GROUP = "aiqtoolkit.io"
VERSION = "v1alpha1"
