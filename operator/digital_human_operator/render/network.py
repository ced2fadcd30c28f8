"""
NetworkPolicies: everything is denied but what the spec implies.

One policy denies all for all Pods of the human; one per component allows what it needs. The
metadata addresses of clouds are in no range that is allowed, but for names, at port 53.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from digital_human_operator import names
from digital_human_operator.api.addresses import METADATA
from digital_human_operator.human import Design, Human, Request

from .common import Manifest, manifest

_ANYWHERE = ("0.0.0.0/0", "::/0")
_METADATA = tuple(ip_network(network) for network in METADATA)
_LINK_LOCAL = "169.254.0.0/16"  # NodeLocal DNSCache and the clouds' resolvers, on the node
_HTTPS = 443
_API_SERVER_PORTS = (443, 6443)


def policies(human: Human, design: Design) -> list[Manifest]:
    """All policies of the human; none with policy Off."""
    if human.spec.network.policy == "Off":
        return []
    found = [_deny_all(human), _runtime(human)]
    face = human.spec.face.managed
    if face is not None:
        ways_out = [*_dns(), _outside([_HTTPS])] if face.api_key_secret else _dns()
        found.append(_policy(human, names.FACE, [_from_runtime(human, names.PORT_GRPC)], ways_out))
    backup = human.spec.backup
    redis = human.spec.sessions.store.redis
    if redis is not None and redis.managed is not None:
        users = (names.RUNTIME, names.BACKUP) if _reads_redis(human) else (names.RUNTIME,)
        clients = [_component(human, component) for component in users]
        found.append(_policy(human, names.REDIS, [_rule("from", clients, [names.PORT_REDIS])], []))
    if design.fetch_digest is not None:
        found.append(_policy(human, names.FETCH, [], _fetch_ways_out(human)))
    if backup is not None:
        jobs = (names.BACKUP, names.DRILL) if backup.drill else (names.BACKUP,)
        found += [
            _policy(human, component, [], _backup_ways_out(human, component)) for component in jobs
        ]
    return found


def for_backup(human: Human, request: Request) -> list[Manifest]:
    """
    What the Pods of one DigitalHumanBackup need, beside those of the human's own backups.

    ``human`` has the parts and the destination of the request as its own. Nothing with policy Off.
    """
    label = {names.LABEL_BACKUP: request.name}
    pods = {"matchLabels": names.selector(human.name, names.BACKUP) | label}
    name, ways_out = names.backup_run(request.name), _backup_ways_out(human, names.BACKUP)
    wanted = [_Wanted(name, pods, ways_out=ways_out)]
    if _reads_redis(human):
        way_in = _rule("from", [{"podSelector": pods}], [names.PORT_REDIS])
        wanted.append(_Wanted(f"{name}-redis", _redis_pods(human), ways_in=[way_in]))
    return _on_request(human, request, names.BACKUP, label, wanted)


def for_restore(human: Human, request: Request) -> list[Manifest]:
    """
    What the Pod of one DigitalHumanRestore needs: Redis, and Redis needs it as its primary.

    The port that it serves the data at is a free one. Nothing with policy Off.
    """
    label = {names.LABEL_RESTORE: request.name}
    pods = {"matchLabels": names.selector(human.name, names.RESTORE) | label}
    redis, name = _redis_pods(human), names.restore_run(request.name)
    to_redis = _rule("to", [{"podSelector": redis}], [names.PORT_REDIS])
    of_pod = _Wanted(
        name,
        pods,
        ways_in=[_rule("from", [{"podSelector": redis}], None)],
        ways_out=_distinct([*_backup_ways_out(human, names.DRILL), to_redis]),
    )
    of_redis = _Wanted(
        f"{name}-redis",
        redis,
        ways_in=[_rule("from", [{"podSelector": pods}], [names.PORT_REDIS])],
        ways_out=[_rule("to", [{"podSelector": pods}], None)],
    )
    return _on_request(human, request, names.RESTORE, label, [of_pod, of_redis])


def for_reading(human: Human, request: Request) -> list[Manifest]:
    """What the Pod needs that reads the object of a clone. Nothing with policy Off."""
    label = {names.LABEL_RESTORE: request.name}
    pods = {"matchLabels": names.selector(human.name, names.RESTORE) | label}
    ways_out = _backup_ways_out(human, names.DRILL)
    wanted = [_Wanted(names.reading_run(request.name), pods, ways_out=ways_out)]
    return _on_request(human, request, names.RESTORE, label, wanted)


@dataclass(frozen=True)
class _Wanted:
    name: str
    pods: Manifest
    ways_in: list[Manifest] = field(default_factory=list)
    ways_out: list[Manifest] = field(default_factory=list)


def _redis_pods(human: Human) -> Manifest:
    return {"matchLabels": names.selector(human.name, names.REDIS)}


def _on_request(
    human: Human, request: Request, component: str, label: dict[str, str], wanted: list[_Wanted]
) -> list[Manifest]:
    if human.spec.network.policy == "Off":
        return []
    found = []
    for one in wanted:
        spec = _spec(one.pods, one.ways_in, one.ways_out)
        kind = ("networking.k8s.io/v1", "NetworkPolicy", one.name, component)
        made = manifest(human, *kind, labels=label, owned=False, spec=spec)
        made["metadata"]["ownerReferences"] = [request.owner()]
        found.append(made)
    return found


def _deny_all(human: Human) -> Manifest:
    selector = {"matchLabels": {names.LABEL_HUMAN: human.name}}
    return manifest(
        human,
        "networking.k8s.io/v1",
        "NetworkPolicy",
        f"{human.name}-deny-all",
        names.RUNTIME,
        spec={"podSelector": selector, "policyTypes": ["Ingress", "Egress"]},
    )


def _runtime(human: Human) -> Manifest:
    ways_in = [*_callers(human), _scraping(human)]
    ways_out = _dns()
    spec = human.spec
    if spec.face.managed is not None:
        ways_out.append(_rule("to", [_component(human, names.FACE)], [names.PORT_GRPC]))
    redis = spec.sessions.store.redis
    if redis is not None and redis.managed is not None:
        ways_out.append(_rule("to", [_component(human, names.REDIS)], [names.PORT_REDIS]))
    ways_out += [_to_address(address) for address in _addresses(human)]
    for allowed in spec.network.allow_to:
        peer = _namespace(allowed.namespace) if allowed.namespace else _block(allowed.cidr or "")
        ways_out.append(_rule("to", [peer], allowed.ports))
    return _policy(human, names.RUNTIME, ways_in, _distinct(ways_out))


def _callers(human: Human) -> list[Manifest]:
    """
    Who may talk to the human.

    Without ``allowFrom`` the Pods of its namespace and those who come through what exposes it: a
    load balancer's callers come from outside, an Ingress or a Gateway is in a namespace that the
    operator cannot know. A load balancer has no port for gRPC.
    """
    network, expose = human.spec.network, human.spec.network.expose
    peers = [
        _namespace(allowed.namespace) if allowed.namespace else _block(allowed.cidr or "")
        for allowed in network.allow_from
    ]
    outside: list[Manifest] = []
    if expose.type == "LoadBalancer":
        named = any(allowed.cidr for allowed in network.allow_from)
        ranges = expose.source_ranges or ([] if named else _ANYWHERE)
        outside = [{"ipBlock": {"cidr": cidr}} for cidr in ranges]
    elif expose.type in {"Ingress", "Gateway"} and not peers:
        peers.append({"namespaceSelector": {}})
    if not peers:
        peers.append({"podSelector": {}})
    web = [names.PORT_HTTP, names.PORT_WEBSOCKET]
    found = [_rule("from", _distinct(peers), [*web, names.PORT_GRPC])]
    return [*found, _rule("from", _distinct(outside), web)] if outside else found


def _scraping(human: Human) -> Manifest:
    """Metrics and health, for the monitoring's namespaces or for every one."""
    wanted = human.spec.monitoring.scrape_from
    peers = [_namespace(name) for name in wanted] or [{"namespaceSelector": {}}]
    return _rule("from", peers, [names.PORT_HEALTH])


def _addresses(human: Human) -> list[tuple[str, int]]:
    """(host, port) of everything outside that the spec names."""
    spec = human.spec
    urls = [
        spec.llm.open_ai.url if spec.llm.open_ai else None,
        spec.speech.http.url if spec.speech.http else None,
        spec.speech.piper.url if spec.speech.piper else None,
        spec.transcription.http.url if spec.transcription else None,
    ]
    redis = spec.sessions.store.redis
    if redis is not None and redis.external is not None:
        urls.append(redis.external.url)
    found = [_endpoint(url) for url in urls if url]
    for address in (
        spec.speech.riva.address if spec.speech.riva else None,
        spec.face.external.server if spec.face.external else None,
    ):
        if address:
            host, _, number = address.rpartition(":")
            found.append((host, int(number)))
    return found


def _endpoint(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    default = {"https": 443, "http": 80, "redis": 6379, "rediss": 6379}[parts.scheme]
    return parts.hostname or "", parts.port or default


def _to_address(address: tuple[str, int]) -> Manifest:
    """
    A way to one port: of one address, of one Service's namespace, or of any address for a name.

    Policies know no host names; the port at least is known. They see a Pod's port, not that of its
    Service, so a Service opens its namespace.
    """
    host, number = address
    try:
        literal = ip_address(host.strip("[]"))
    except ValueError:
        parts = host.rstrip(".").lower().split(".")
        if len(parts) == 1:
            return _rule("to", [{"podSelector": {}}], None)
        if len(parts) >= 3 and parts[2] == "svc":
            return _rule("to", [_namespace(parts[1])], None)
        return _outside([number])
    return _rule("to", [_block(f"{literal}/{literal.max_prefixlen}")], [number])


def _fetch_ways_out(human: Human) -> list[Manifest]:
    """The API server for its progress, object stores and hubs at their usual port, or its own."""
    engine = human.spec.llm.transformers
    source = engine.source if engine else None
    store, hub = (source.object_store, source.hugging_face) if source else (None, None)
    endpoints = [found.endpoint for found in (store, hub) if found is not None]
    own = [_to_address(_endpoint(url)) for url in endpoints if url]
    return _distinct([*_dns(), _outside(list(_API_SERVER_PORTS)), *own])


def _backup_ways_out(human: Human, component: str) -> list[Manifest]:
    """The object store; a backup also reads Redis."""
    found = _dns()
    backup = human.spec.backup
    if backup is not None and backup.destination.s3 is not None:
        found.append(_outside([_HTTPS]))
    if backup is not None and backup.destination.s3 is not None:
        endpoint = backup.destination.s3.endpoint
        found += [_to_address(_endpoint(endpoint))] if endpoint else []
    if component == names.BACKUP and _reads_redis(human):
        found.append(_rule("to", [_component(human, names.REDIS)], [names.PORT_REDIS]))
    return _distinct(found)


def _reads_redis(human: Human) -> bool:
    """Whether backups hold the sessions of a managed Redis."""
    backup, redis = human.spec.backup, human.spec.sessions.store.redis
    managed = redis is not None and redis.managed is not None
    return managed and backup is not None and "sessions" in backup.include


def _policy(
    human: Human, component: str, ways_in: list[Manifest], ways_out: list[Manifest]
) -> Manifest:
    name = human.name if component == names.RUNTIME else f"{human.name}-{component}"
    return manifest(
        human,
        "networking.k8s.io/v1",
        "NetworkPolicy",
        name,
        component,
        spec=_spec({"matchLabels": names.selector(human.name, component)}, ways_in, ways_out),
    )


def _spec(pods: Manifest, ways_in: list[Manifest], ways_out: list[Manifest]) -> Manifest:
    return {
        "podSelector": pods,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ways_in,
        "egress": ways_out,
    }


def _dns() -> list[Manifest]:
    """Names: from the cluster's DNS, a cache on the node, or OpenShift's, whose Pods use 5353."""
    on_node = {"ipBlock": {"cidr": _LINK_LOCAL}}
    return [
        {"to": [_namespace("kube-system"), on_node], "ports": _both(53)},
        {"to": [_namespace("openshift-dns")], "ports": _both(53) + _both(5353)},
    ]


def _both(number: int) -> list[Manifest]:
    return [{"port": number, "protocol": protocol} for protocol in ("UDP", "TCP")]


def _rule(direction: str, peers: list[Manifest], ports: list[int] | None) -> Manifest:
    rule: Manifest = {direction: peers}
    if ports:
        rule["ports"] = [{"port": number, "protocol": "TCP"} for number in ports]
    return rule


def _from_runtime(human: Human, number: int) -> Manifest:
    return _rule("from", [_component(human, names.RUNTIME)], [number])


def _component(human: Human, component: str) -> Manifest:
    return {"podSelector": {"matchLabels": names.selector(human.name, component)}}


def _namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _block(cidr: str) -> Manifest:
    block: Manifest = {"cidr": cidr}
    network = ip_network(cidr, strict=False)
    inside = [
        str(one)
        for one in _METADATA
        if one.version == network.version
        and one.prefixlen > network.prefixlen
        and one.network_address in network
    ]
    if inside:
        block["except"] = inside
    return {"ipBlock": block}


def _outside(ports: list[int]) -> Manifest:
    """Some TCP ports of any address, the clouds' metadata services left out."""
    return _rule("to", [_block(cidr) for cidr in _ANYWHERE], ports)


def _distinct(rules: list[Manifest]) -> list[Manifest]:
    found: list[Manifest] = []
    for rule in rules:
        if rule not in found:
            found.append(rule)
    return found
