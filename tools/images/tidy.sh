#!/bin/sh
# Run by mmdebstrap with the folder of a new base: removes what no image needs, and what would make it
# differ from build to build or tell of the machine that built it. Bytecode is made anew without times.
set -eu
cd "$1"
rm -rf etc/apt/sources.list* etc/hostname etc/resolv.conf root/.[!.]* tmp/* \
    var/cache/apt/*.bin var/cache/apt/archives/*.deb var/cache/debconf/*-old \
    var/cache/ldconfig/* var/lib/apt/lists/*_* var/lib/dpkg/*-old var/lib/systemd var/log/*
find . -xdev -type f -perm /6000 -exec chmod a-s {} +  # nobody becomes root here
find usr -name __pycache__ -prune -exec rm -rf {} +
for library in usr/lib/python3*; do
    PYTHONHASHSEED=0 chroot . python3 -m compileall -q -x 'lib2to3|ensurepip' \
        --invalidation-mode unchecked-hash "/$library"
done
