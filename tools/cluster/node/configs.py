"""Configuration of the node's programs: each function returns what one of them reads."""

import json
from typing import Any

import yaml

from tools.cluster.node.place import (
    API_PORT,
    CONTAINERD,
    DNS_READY_PORT,
    DOMAIN,
    PROXY_HEALTH_PORT,
    REGISTRY_PORT,
    Place,
)

PAUSE = "node.local/pause:1"
NODE_SELECTOR = "scheduler.alpha.kubernetes.io/node-selector"
"""Annotation of a namespace: where all its Pods go, whatever they say themselves."""


def kwokctl(place: Place) -> str:
    """The control plane: reachable from Pods, trusted by kubelet, with aggregated APIs."""
    pki = place.pki
    flags = {
        "kube-apiserver": {
            "advertise-address": place.address,
            # A namespace may send its Pods to the simulated nodes, or keep them off these.
            "enable-admission-plugins": "PodNodeSelector",
            "kubelet-preferred-address-types": "InternalIP",  # else a node's name is looked up
            "kubelet-client-certificate": f"{pki}/admin.crt",
            "kubelet-client-key": f"{pki}/admin.key",
            "requestheader-client-ca-file": f"{pki}/ca.crt",
            "requestheader-allowed-names": "kwok-admin",  # whom kwokctl certifies
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        },
        "kwok-controller": {  # or it takes the real node over
            "manage-all-nodes": "false",
            "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
        },
    }
    patches = [
        {
            "name": name,
            "extraArgs": [
                {"key": key, "value": value, **_override(key)} for key, value in values.items()
            ],
        }
        for name, values in flags.items()
    ]
    return _yaml(
        {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "options": {
                "kubeApiserverPort": API_PORT,
                "kubeApiserverCertSANs": [place.api_service, place.address],
            },
            "componentsPatches": patches,
        }
    )


def _override(key: str) -> dict[str, bool]:
    """Say that a flag replaces the one that kwokctl itself gives."""
    return {"override": True} if key == "manage-all-nodes" else {}


def containerd(place: Place, runc: str) -> str:
    """The container runtime; its folders are the node's own."""
    return f"""\
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
  address = "{CONTAINERD}"

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{PAUSE}"
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = "{place.folder}/registries"

[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{place.programs}"]
    conf_dir = "{place.folder}/cni"
{_runtime("runc", place, runc)}{_runtime("nvidia", place, runc)}"""


def _runtime(name: str, place: Place, runc: str) -> str:
    """One runtime handler; `nvidia` is what the GPU operator adds, here without a GPU."""
    table = f"plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{name}"
    return f"""\
  [{table}]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = "{place.programs}/containerd-shim-runc-v2"
    [{table}.options]
      BinaryName = "{runc}"
      SystemdCgroup = false
"""


def mirrors(place: Place) -> str:
    """Pulls of any image ask the node's registry, and nobody else."""
    return f'server = "http://{place.registry}"\n'


def cni(place: Place) -> str:
    """Pods are linked to the node by routes: with a bridge, replies would miss their Service."""
    ranges = [[{"subnet": place.pods}]]
    ipam = {
        "type": "host-local",
        "ranges": ranges,
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni",
    }
    plugins = [
        {"type": "ptp", "ipMasq": False, "ipam": ipam},
        {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "nftables"},
    ]
    return json.dumps({"cniVersion": "1.0.0", "name": "node", "plugins": plugins}, indent=2)


def kubelet(place: Place) -> str:
    """The kubelet on either version of cgroups, below a group of the cluster's own."""
    return _yaml(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": place.address,
            "healthzBindAddress": "127.0.0.1",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{place.pki}/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": place.cgroup,
            "clusterDNS": [place.address],
            "clusterDomain": DOMAIN,
            "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
            "enforceNodeAllocatable": [],
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "500Mi"},
            "failCgroupV1": False,
            "failSwapOn": False,
            "imageGCHighThresholdPercent": 100,
            "makeIPTablesUtilChains": False,
            "oomScoreAdj": 0,
            "resolvConf": f"{place.folder}/resolv.conf",
            "serializeImagePulls": False,
            "volumePluginDir": "/var/lib/kubelet/volumeplugins",
        }
    )


def kube_proxy(place: Place) -> str:
    """Services by nftables, in the node's own network."""
    return _yaml(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(place.kubeconfig_of("kube-proxy"))},
            "clusterCIDR": place.pods,
            "mode": "nftables",
            "healthzBindAddress": f"{place.address}:{PROXY_HEALTH_PORT}",
            "metricsBindAddress": "127.0.0.1:10249",
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        }
    )


def coredns(place: Place) -> str:
    """Names of the cluster; there are no others, and one learns so at once."""
    return f"""\
{DOMAIN} in-addr.arpa ip6.arpa {{
    bind {place.address}
    errors
    ready {place.address}:{DNS_READY_PORT}
    kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {place.kubeconfig}
        pods insecure
        ttl 5
    }}
    cache 5
}}
. {{
    bind {place.address}
    errors
    template IN ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


def registry(place: Place) -> str:
    """The registry that pulls are answered from; images can be deleted from it."""
    return _yaml(
        {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(place.folder / "images")},
                "delete": {"enabled": True},
            },
            "http": {"addr": f"{place.address}:{REGISTRY_PORT}"},
        }
    )


def _yaml(value: dict[str, Any]) -> str:
    """Write YAML in the order given."""
    return yaml.safe_dump(value, sort_keys=False)
