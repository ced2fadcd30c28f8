"""What the node lane asks of a machine before it changes anything."""

import os
import shutil
import sys
from collections import namedtuple
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from tools import debian
from tools.cluster import Cluster, ClusterError
from tools.cluster.node import cgroups, network, preflight
from tools.cluster.node.place import SLOTS, Place, cgroup_of

Usage = namedtuple("Usage", "total used free")


def test_without_root_one_sentence_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"CLUSTER=node needs root.*CLUSTER=kwok"):
        Cluster("a", "node", tmp_path).up()
    assert not (tmp_path / "a").exists()


def test_somebody_else_is_told_whose_cluster_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "lane").write_text("node")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match="The cluster 'a' is root's: take it down as root"):
        Cluster("a", "node", tmp_path).down()
    assert folder.exists()


def test_another_system_is_told_what_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ClusterError, match="needs Linux and this is darwin: use CLUSTER=kind"):
        preflight.check(tmp_path)


def test_a_disk_that_is_almost_full_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**40, 2**40 - 2**30, 2**30))
    with pytest.raises(ClusterError, match=r"needs 3 GiB of free disk.* 1.0 are left"):
        preflight.check(tmp_path / "not" / "yet")


def test_a_root_that_may_not_make_namespaces_is_told() -> None:
    assert "needs to make namespaces, which this root may not" in preflight._namespaces(("false",))
    assert preflight._namespaces(("true",)) == ""


def test_a_checkout_in_a_folder_that_the_node_hides_is_refused() -> None:
    assert "has a /var/lib of its own" in preflight._paths(Path("/var/lib/ci/checkout"))
    assert preflight._paths(Path("/home/ci/checkout")) == ""


def test_missing_programs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def refuse(names: object) -> None:
        raise debian.PackageError("These programs are missing: install runc.")

    monkeypatch.setattr(preflight, "ensure", refuse)
    with pytest.raises(ClusterError, match=r"lacks programs.*install runc"):
        preflight.check(tmp_path)


def test_every_program_of_the_node_has_a_package() -> None:
    assert set(preflight.PROGRAMS) <= set(debian.PROGRAMS)


def test_both_versions_of_control_groups_are_understood(tmp_path: Path) -> None:
    unified = tmp_path / "unified"
    unified.mkdir()
    (unified / "cgroup.controllers").write_text("cpu memory pids io\n")
    assert cgroups.missing({unified: "cgroup2"}) == set()
    split = {tmp_path / "cpu,cpuacct": "cgroup", tmp_path / "memory": "cgroup"}
    for path in split:
        path.mkdir()
    assert cgroups.missing(split) == {"pids"}
    assert cgroups.missing({}) == {"cpu", "memory", "pids"}


def test_what_is_not_handed_down_to_the_node_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "digital-human" / "demo"
    group.mkdir(parents=True)
    for folder in (tmp_path, group.parent):
        (folder / "cgroup.controllers").write_text("cpu memory pids io\n")
    (group / "cgroup.controllers").write_text("cpu\n")  # as below a group with processes in it
    hierarchies = {tmp_path: "cgroup2"}
    assert cgroups.missing(hierarchies) == set()
    assert cgroups.missing(hierarchies, "/digital-human/demo") == {"memory", "pids"}
    monkeypatch.setattr(cgroups, "mounts", lambda: hierarchies)
    with pytest.raises(ClusterError, match=r"not handed down to .*: memory, pids\. Run it on the"):
        cgroups.create("/digital-human/demo")


def test_hierarchies_are_read_from_the_mounts(tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(
        "22 1 0:20 / /sys rw - sysfs sysfs rw\n"
        "30 22 0:26 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
        "31 22 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    )
    assert cgroups.mounts(mountinfo) == {
        Path("/sys/fs/cgroup/memory"): "cgroup",
        Path("/sys/fs/cgroup/unified"): "cgroup2",
    }


def test_the_group_is_one_for_each_folder_not_for_each_name() -> None:
    one, other = cgroup_of(Path("/a/build/cluster/demo")), cgroup_of(Path("/b/build/cluster/demo"))
    assert one != other
    assert one.startswith("/digital-human/demo-")


def test_a_slot_whose_network_has_a_route_is_left_alone() -> None:
    text = (
        '[{"dst": "default"}, {"dst": "10.0.0.0/8"}, {"dst": "10.200.0.0/24"},'
        ' {"dst": "10.201.7.9"}]'
    )
    found = network.parse_routes(text)
    place = network.free_slot(Place(Path("/x"), 0), found)
    assert place.slot == 2
    assert place.network == IPv4Network("10.202.0.0/16")


def test_when_all_slots_are_taken_one_sentence_says_so() -> None:
    found = [Place(Path("/x"), slot).network for slot in SLOTS]
    with pytest.raises(ClusterError, match=r"needs one free network of 10.200.*make cluster-down"):
        network.free_slot(Place(Path("/x"), 0), found)


def test_the_addresses_of_a_place_do_not_overlap() -> None:
    place = Place(Path("/x"), 3)
    parts = [IPv4Network("10.203.0.0/24"), IPv4Network(place.pods), IPv4Network(place.services)]
    assert all(part.subnet_of(place.network) for part in parts)
    assert not any(a.overlaps(b) for a in parts for b in parts if a is not b)
    assert place.address == "10.203.0.2"
    assert place.api_service == "10.203.128.1"


def test_the_name_of_a_link_fits_the_kernel() -> None:
    assert len(Place(Path("/x"), SLOTS[-1]).link) <= 15
