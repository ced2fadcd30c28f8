"""Version v1alpha1 of group aiqtoolkit.io: DigitalHuman, DigitalHumanBackup, DigitalHumanRestore."""

GROUP = "aiqtoolkit.io"
VERSION = "v1alpha1"
