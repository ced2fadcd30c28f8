"""Which keys of which Secrets and ConfigMaps a spec refers to, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from digital_human_operator import names
from digital_human_operator.api.base import SecretKeyRef
from digital_human_operator.api.v1alpha1.body import ConfigMapKeyRef
from digital_human_operator.api.v1alpha1.care import Backup
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.api.v1alpha1.mind import ModelSource
from digital_human_operator.human import Human, Need, Ref, Reference

EXPOSE = "expose"
"""What stands in front of the Pods: nothing of ours waits for its Secrets."""

_TLS_KEYS = frozenset({"tls.crt", "tls.key"})
_PULL_TYPES = frozenset({"kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"})
_S3_KEYS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"})


def needs(human: Human) -> tuple[Need, ...]:
    """Every key that has to be there, in the order of the spec."""
    spec = human.spec
    return (
        *_mind(spec),
        *_face(spec),
        *_pod(spec),
        *_sessions(human),
        *_access(spec),
        *_care(spec),
    )


def referred(human: Human) -> tuple[Ref, ...]:
    """Every Secret and ConfigMap that is looked at, once each, in a stable order."""
    pulls = {Ref("Secret", one.name) for one in human.spec.image_pull_secrets}
    return tuple(sorted({need.ref for need in needs(human)} | pulls))


def unusable_pull_secrets(
    human: Human, references: Mapping[Ref, Reference | None]
) -> tuple[str, ...]:
    """
    One sentence per Secret of imagePullSecrets with which no image is pulled.

    The kubelet passes over it: what is public, or on the node already, starts all the same. So it
    is no ``Need``: nothing waits for it, and Pods do not roll with it.
    """
    sentences = []
    for one in human.spec.image_pull_secrets:
        found, where = references.get(Ref("Secret", one.name)), f"spec.imagePullSecrets[{one.name}]"
        if found is None:
            sentences.append(
                f'Secret "{one.name}" does not exist ({where}): no image is pulled with it'
            )
        elif found.type not in _PULL_TYPES:
            sentences.append(
                f'Secret "{one.name}" is of type {found.type or "Opaque"} ({where}): no image is'
                " pulled with it; make it anew with `kubectl create secret docker-registry`"
            )
    return tuple(sentences)


def missing(
    wanted: tuple[Need, ...], references: Mapping[Ref, Reference | None]
) -> tuple[tuple[str, ...], frozenset[str]]:
    """One sentence per thing that is not there, and the components that need it."""
    sentences: list[str] = []
    components: set[str] = set()
    for need in wanted:
        found = references.get(need.ref)
        if found is not None and need.keys <= found.keys:
            continue
        components.add(need.component)
        if found is not None or not need.generated:
            sentences.append(_lack(need, found))
    return tuple(dict.fromkeys(sentences)), frozenset(components)


def _lack(need: Need, found: Reference | None) -> str:
    what = f'{need.ref.kind} "{need.ref.name}"'
    if found is None:
        return f"{what} does not exist ({need.field})"
    absent = sorted(need.keys - found.keys)
    keys = "the key" if len(absent) == 1 else "the keys"
    mend = ": delete it, and it is made anew" if need.generated else ""
    return f"{what} lacks {keys} {', '.join(absent)} ({need.field}){mend}"


def digests(wanted: tuple[Need, ...], references: Mapping[Ref, Reference | None]) -> dict[str, str]:
    """Component -> digest of everything that it reads: changes when any of it changes."""
    refs: dict[str, set[Ref]] = {}
    for need in wanted:
        refs.setdefault(need.component, set()).add(need.ref)
    return {component: _digest(refs[component], references) for component in sorted(refs)}


def _digest(refs: set[Ref], references: Mapping[Ref, Reference | None]) -> str:
    state = sha256()
    for ref in sorted(refs):
        found = references.get(ref)
        state.update(f"{ref.kind}/{ref.name}={found.digest if found else ''}\n".encode())
    return state.hexdigest()[:32]


def _key(ref: SecretKeyRef | None, component: str, field: str) -> Iterator[Need]:
    if ref is not None:
        yield Need(Ref("Secret", ref.name), frozenset({ref.key}), component, field)


def _all(name: str | None, keys: frozenset[str], component: str, field: str) -> Iterator[Need]:
    if name is not None:
        yield Need(Ref("Secret", name), keys, component, field)


def _mind(spec: DigitalHumanSpec) -> Iterator[Need]:
    llm, speech = spec.llm, spec.speech
    if llm.transformers is not None and llm.transformers.source is not None:
        yield from _source(llm.transformers.source)
    if llm.open_ai is not None:
        yield from _key(llm.open_ai.api_key_secret, names.RUNTIME, "spec.llm.openAI.apiKeySecret")
    if speech.riva is not None:
        yield from _key(speech.riva.api_key_secret, names.RUNTIME, "spec.speech.riva.apiKeySecret")
    if speech.http is not None:
        yield from _key(speech.http.api_key_secret, names.RUNTIME, "spec.speech.http.apiKeySecret")
    if spec.transcription is not None:
        field = "spec.transcription.http.apiKeySecret"
        yield from _key(spec.transcription.http.api_key_secret, names.RUNTIME, field)


def _source(source: ModelSource) -> Iterator[Need]:
    path = "spec.llm.transformers.source"
    if source.object_store is not None:
        secret = source.object_store.credentials_secret
        yield from _all(secret, _S3_KEYS, names.FETCH, f"{path}.objectStore.credentialsSecret")
    if source.hugging_face is not None:
        secret_key = source.hugging_face.token_secret
        yield from _key(secret_key, names.FETCH, f"{path}.huggingFace.tokenSecret")


def _face(spec: DigitalHumanSpec) -> Iterator[Need]:
    managed, external = spec.face.managed, spec.face.external
    if managed is not None:
        yield from _key(managed.api_key_secret, names.FACE, "spec.face.managed.apiKeySecret")
    if external is not None and external.tls is not None:
        yield from _key(external.tls.ca_secret, names.RUNTIME, "spec.face.external.tls.caSecret")
    if external is not None and external.cloud_function is not None:
        field = "spec.face.external.cloudFunction.apiKeySecret"
        yield from _key(external.cloud_function.api_key_secret, names.RUNTIME, field)


def _pod(spec: DigitalHumanSpec) -> Iterator[Need]:
    for variable in spec.pod_template.env:
        path = f"spec.podTemplate.env[{variable.name}]"
        yield from _key(variable.secret_key_ref, names.RUNTIME, f"{path}.secretKeyRef")
        config: ConfigMapKeyRef | None = variable.config_map_key_ref
        if config is not None:
            ref = Ref("ConfigMap", config.name)
            yield Need(ref, frozenset({config.key}), names.RUNTIME, f"{path}.configMapKeyRef")


def _sessions(human: Human) -> Iterator[Need]:
    redis = human.spec.sessions.store.redis
    if redis is not None and redis.managed is not None:
        # Both sides roll with it: a Secret that was deleted comes back with another password.
        secret, field = names.redis(human.name), "spec.sessions.store.redis.managed"
        keys = frozenset({names.REDIS_PASSWORD_KEY, names.REDIS_ACL_KEY})
        for component in (names.RUNTIME, names.REDIS):
            yield Need(Ref("Secret", secret), keys, component, field, generated=True)
    if redis is not None and redis.external is not None:
        field = "spec.sessions.store.redis.external.passwordSecret"
        yield from _key(redis.external.password_secret, names.RUNTIME, field)


def _access(spec: DigitalHumanSpec) -> Iterator[Need]:
    security, expose = spec.security, spec.network.expose
    yield from _key(security.api_key_secret, names.RUNTIME, "spec.security.apiKeySecret")
    yield from _key(security.jwt_secret, names.RUNTIME, "spec.security.jwtSecret")
    if security.tls_secret is not None:
        secret = security.tls_secret.name
        yield from _all(secret, _TLS_KEYS, names.RUNTIME, "spec.security.tlsSecret")
    yield from _all(expose.tls_secret, _TLS_KEYS, EXPOSE, "spec.network.expose.tlsSecret")


def _care(spec: DigitalHumanSpec) -> Iterator[Need]:
    if spec.backup is None:
        return
    yield from _backup(spec.backup, names.BACKUP)
    if spec.backup.drill is not None:
        yield from _backup(spec.backup, names.DRILL)


def _backup(backup: Backup, component: str) -> Iterator[Need]:
    if backup.destination.s3 is not None:
        secret = backup.destination.s3.credentials_secret
        field = "spec.backup.destination.s3.credentialsSecret"
        yield from _all(secret, _S3_KEYS, component, field)
        authority = backup.destination.s3.ca_secret
        yield from _key(authority, component, "spec.backup.destination.s3.caSecret")
    if backup.encryption is not None:
        yield from _key(backup.encryption.key_secret, component, "spec.backup.encryption.keySecret")
