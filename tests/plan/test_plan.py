from typing import Any, get_args

import pytest

from digital_human_operator import names, plan, status
from digital_human_operator.api.v1alpha1.body import GpuProfileName, Platform
from digital_human_operator.api.v1alpha1.status import DigitalHumanStatus
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Ref, Reference
from digital_human_operator.observed import Observed
from digital_human_operator.plan.fetch import fetch_digest, models_claim
from digital_human_operator.plan.needs import digests, missing, needs, referred
from digital_human_operator.plan.profiles import PROFILES, node_choice
from digital_human_operator.plan.resources import (
    face_requests_and_limits,
    quantity,
    requests_and_limits,
)
from digital_human_operator.plan.warnings import warnings
from tests.support.builders import EXAMPLES, IMAGES, a_decision, a_human, example, references_of
from tools.cluster.nodes import POOLS

NAMES: tuple[GpuProfileName, ...] = get_args(GpuProfileName)
PLATFORMS: tuple[Platform, ...] = get_args(Platform)
REDIS: dict[str, Any] = {"sessions": {"store": {"redis": {"managed": {}}}}}
ALL_KINDS = frozenset({"HTTPRoute", "PodMonitor", "ServiceMonitor", "PrometheusRule"})


class TestParse:
    @pytest.mark.parametrize(
        ("spec", "sentence"),
        [
            ({"replicas": "many"}, "spec.replicas must be a whole number"),
            ({"llm": {"openAI": {"model": "x"}}}, "spec.llm.openAI.url is required"),
            ({"llm": 5}, "spec.llm must be an object"),
            ({"replicas": -1}, "spec.replicas must be greater than or equal to 0"),
            ({"mode": "Off"}, "spec.mode must be 'Running', 'Suspended' or 'Paused'"),
            ({"imagePullSecrets": [{}]}, "spec.imagePullSecrets[0].name is required"),
        ],
    )
    def test_each_mistake_is_one_sentence(self, spec: dict[str, Any], sentence: str) -> None:
        with pytest.raises(InvalidSpec) as error:
            a_human(spec)
        assert sentence in error.value.sentences

    @pytest.mark.parametrize(
        "spec",
        [
            {"llm": {"openAI": {"url": "http://host:99999/v1", "model": "m"}}},
            {"speech": {"http": {"url": "http://host:abc/v1"}}},
            {"speech": {"piper": {"url": "http://[zz]/v1"}}},
            {"transcription": {"http": {"url": "http://host:abc/v1"}}},
            {"speech": {"riva": {"address": "riva:65536"}}},
            {"face": {"external": {"address": "face:0"}}},
            {"sessions": {"store": {"redis": {"external": {"url": "redis://h:99999"}}}}},
        ],
    )
    def test_broken_addresses_are_refused_without_the_api_server_too(
        self, spec: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidSpec, match="does not have the right form"):
            a_human(spec)

    def test_values_are_not_repeated(self) -> None:
        with pytest.raises(InvalidSpec) as error:
            a_human({"security": {"apiKeySecret": "hunter2"}})
        assert "hunter2" not in str(error.value)

    def test_empty_spec_is_a_human(self) -> None:
        assert a_human().spec.llm.builtin is not None


class TestProfiles:
    def test_every_profile_is_known(self) -> None:
        assert set(PROFILES) | {"none"} == set(NAMES)

    @pytest.mark.parametrize("platform", PLATFORMS)
    @pytest.mark.parametrize("name", NAMES)
    def test_every_pair_gives_a_choice(self, name: GpuProfileName, platform: Platform) -> None:
        choice = node_choice(name, 1, platform)
        assert (choice.resource is None) == (name == "none")
        assert bool(choice.tolerations) == (name != "none")

    @pytest.mark.parametrize(
        ("profile", "platform", "pools"),
        [
            ("a100-40gb", "gke", {"gke-a100-40"}),
            ("a100-80gb", "gke", {"gke-a100-80"}),
            ("l4", "gke", {"gke-l4"}),
            ("a100-40gb", "eks", {"eks-a100-40"}),
            ("a100-80gb", "eks", {"eks-a100-80"}),
            ("a100-80gb", "aks", {"aks-a100-80"}),
            ("a100-80gb", "gpu-operator", {"dgx-a100-80", "dgx-a100-mig"}),
            ("a100-40gb", "gpu-operator", set()),
            ("a100-mig-3g.40gb", "gpu-operator", {"dgx-a100-80", "dgx-a100-mig"}),
        ],
    )
    def test_labels_and_taints_pick_the_nodes_that_are_meant(
        self, profile: GpuProfileName, platform: Platform, pools: set[str]
    ) -> None:
        choice = node_choice(profile, 1, platform)
        picked = {
            name
            for name, pool in POOLS.items()
            if _labels_match(choice, dict(pool.labels))
            and all(_tolerated(choice, taint) for taint in pool.taints)
        }
        assert picked == pools

    def test_slices_ask_for_their_own_resource(self) -> None:
        choice = node_choice("a100-mig-3g.40gb", 1, "gpu-operator")
        assert choice.resource == "nvidia.com/mig-3g.40gb"

    def test_gke_tells_slices_apart_by_label(self) -> None:
        choice = node_choice("a100-mig-1g.5gb", 1, "gke")
        assert choice.resource == "nvidia.com/gpu"
        assert choice.node_selector["cloud.google.com/gke-gpu-partition-size"] == "1g.5gb"

    def test_only_ada_encodes_video(self) -> None:
        assert {n for n, p in PROFILES.items() if p.nvenc} == {"l4", "l40s", "rtx4090"}


def _labels_match(choice: Any, labels: dict[str, str]) -> bool:
    for expression in choice.match_expressions:
        value = labels.get(expression["key"])
        if value is None:
            return False
        wanted, operator = expression["values"], expression["operator"]
        if operator == "In" and value not in wanted:
            return False
        if operator == "Gt" and int(value) <= int(wanted[0]):
            return False
        if operator == "Lt" and int(value) >= int(wanted[0]):
            return False
    return all(labels.get(k) == v for k, v in choice.node_selector.items())


def _tolerated(choice: Any, taint: Any) -> bool:
    return any(
        t["key"] == taint["key"]
        and (t["operator"] == "Exists" or t.get("value") == taint.get("value"))
        for t in choice.tolerations
    )


EVERYTHING: dict[str, Any] = {
    "llm": {
        "transformers": {
            "model": "llama3:8b",
            "source": {
                "huggingFace": {
                    "repository": "meta-llama/Meta-Llama-3-8B",
                    "tokenSecret": {"name": "hub", "key": "token"},
                }
            },
        }
    },
    "speech": {"riva": {"address": "riva:50051", "apiKeySecret": {"name": "riva", "key": "k"}}},
    "transcription": {
        "http": {"url": "http://whisper:8000/v1", "apiKeySecret": {"name": "asr", "key": "k"}}
    },
    "face": {
        "external": {
            "tls": {"caSecret": {"name": "ca", "key": "ca.crt"}},
            "cloudFunction": {"functionId": "f-1", "apiKeySecret": {"name": "nvcf", "key": "k"}},
        }
    },
    "podTemplate": {
        "env": [
            {"name": "A", "secretKeyRef": {"name": "env", "key": "a"}},
            {"name": "B", "configMapKeyRef": {"name": "env", "key": "b"}},
        ]
    },
    "sessions": {
        "store": {
            "redis": {
                "external": {
                    "url": "redis://r:6379",
                    "passwordSecret": {"name": "redis", "key": "password"},
                }
            }
        }
    },
    "security": {
        "apiKeySecret": {"name": "keys", "key": "api"},
        "jwtSecret": {"name": "keys", "key": "jwt"},
        "tlsSecret": {"name": "tls"},
    },
    "network": {"expose": {"type": "Ingress", "host": "a.example", "tlsSecret": "front"}},
    "backup": {
        "schedule": "@daily",
        "destination": {
            "s3": {
                "bucket": "bucket",
                "credentialsSecret": "s3",
                "caSecret": {"name": "authority", "key": "k"},
            }
        },
        "encryption": {"keySecret": {"name": "crypt", "key": "k"}},
        "drill": {"schedule": "@weekly"},
    },
}


class TestNeeds:
    def test_every_reference_is_found(self) -> None:
        found = {
            (n.component, n.ref.name, tuple(sorted(n.keys))) for n in needs(a_human(EVERYTHING))
        }
        s3 = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        assert found == {
            (names.FETCH, "hub", ("token",)),
            (names.RUNTIME, "riva", ("k",)),
            (names.RUNTIME, "asr", ("k",)),
            (names.RUNTIME, "ca", ("ca.crt",)),
            (names.RUNTIME, "nvcf", ("k",)),
            (names.RUNTIME, "env", ("a",)),
            (names.RUNTIME, "env", ("b",)),
            (names.RUNTIME, "redis", ("password",)),
            (names.RUNTIME, "keys", ("api",)),
            (names.RUNTIME, "keys", ("jwt",)),
            (names.RUNTIME, "tls", ("tls.crt", "tls.key")),
            ("expose", "front", ("tls.crt", "tls.key")),
            (names.BACKUP, "s3", s3),
            (names.BACKUP, "authority", ("k",)),
            (names.BACKUP, "crypt", ("k",)),
            (names.DRILL, "s3", s3),
            (names.DRILL, "authority", ("k",)),
            (names.DRILL, "crypt", ("k",)),
        }

    def test_every_field_that_names_a_secret_is_asked_for(self) -> None:
        """A new field with a reference must not be forgotten here."""
        ignored = {"storage", "privacy", "audit", "imagePullSecrets"}
        fields = {n.field.split(".")[1].partition("[")[0] for n in needs(a_human(EVERYTHING))}
        assert fields == {
            *("llm", "speech", "transcription", "face"),
            *("podTemplate", "sessions", "security", "network", "backup"),
        }  # fmt: skip
        assert not fields & ignored

    def test_absent_and_incomplete_are_told_apart(self) -> None:
        human = a_human({"security": EVERYTHING["security"]})
        wanted = needs(human)
        sentences, components = missing(
            wanted, {Ref("Secret", "keys"): Reference(frozenset({"api"}), "d")}
        )
        assert sentences == (
            'Secret "keys" lacks the key jwt (spec.security.jwtSecret)',
            'Secret "tls" does not exist (spec.security.tlsSecret)',
        )
        assert components == {names.RUNTIME}

    def test_what_we_make_ourselves_is_waited_for_without_a_complaint(self) -> None:
        wanted = needs(a_human(REDIS))
        assert missing(wanted, {}) == ((), frozenset({names.RUNTIME, names.REDIS}))
        half = {Ref("Secret", "ada-redis"): Reference(frozenset({"password"}), "d")}
        sentences, withheld = missing(wanted, half)
        assert len(sentences) == 1
        assert sentences[0].endswith(".redis.managed): delete it, and it is made anew")
        assert withheld == {names.RUNTIME, names.REDIS}

    def test_pull_secrets_are_looked_at_and_nothing_waits_for_them(self) -> None:
        human = a_human({"imagePullSecrets": [{"name": "pull"}]})
        assert referred(human) == (Ref("Secret", "pull"),)
        assert needs(human) == ()
        kind = "kubernetes.io/dockerconfigjson"
        decisions = [
            plan.decide(
                human,
                images=IMAGES,
                operator_namespace="system",
                references={Ref("Secret", "pull"): found},
                served=frozenset(),
            )
            for found in (
                None,
                Reference(frozenset(), "one", "Opaque"),
                Reference(frozenset(), "two", kind),
                Reference(frozenset(), "new", "kubernetes.io/dockercfg"),
            )
        ]
        assert {repr(one.design) for one in decisions} == {repr(decisions[0].design)}
        assert all(one.missing == () for one in decisions)
        where = "(spec.imagePullSecrets[pull]): no image is pulled with it"
        again = "make it anew with `kubectl create secret docker-registry`"
        assert [one.pull_secrets for one in decisions] == [
            (f'Secret "pull" does not exist {where}',),
            (f'Secret "pull" is of type Opaque {where}; {again}',),
            (),
            (),
        ]

    def test_change_reaches_only_those_who_read_it(self) -> None:
        human = a_human(EVERYTHING)
        before = references_of(human)
        after = before | {Ref("Secret", "crypt"): Reference(frozenset({"k"}), "other")}
        old, new = digests(needs(human), before), digests(needs(human), after)
        assert {c for c in old if old[c] != new[c]} == {names.BACKUP, names.DRILL}

    def test_the_key_of_a_managed_face_is_for_the_face_only(self) -> None:
        key = {"name": "ngc", "key": "api-key"}
        human = a_human({"face": {"managed": {"apiKeySecret": key}}})
        decision = plan.decide(
            human,
            images=IMAGES,
            operator_namespace="o",
            references={Ref("Secret", "ngc"): Reference(frozenset(), "d")},
            served=frozenset(),
        )
        assert decision.design.withheld == {names.FACE}
        assert decision.missing == (
            'Secret "ngc" lacks the key api-key (spec.face.managed.apiKeySecret)',
        )

    def test_a_missing_key_of_a_cloud_function_is_told_by_its_field(self) -> None:
        key = {"name": "nvcf", "key": "api-key"}
        face = {"external": {"cloudFunction": {"functionId": "f-1", "apiKeySecret": key}}}
        decision = plan.decide(
            a_human({"face": face}),
            images=IMAGES,
            operator_namespace="o",
            references={Ref("Secret", "nvcf"): None},
            served=frozenset(),
        )
        assert decision.design.withheld == {names.RUNTIME}
        assert decision.missing == (
            'Secret "nvcf" does not exist (spec.face.external.cloudFunction.apiKeySecret)',
        )

    def test_missing_secret_withholds_its_component(self) -> None:
        human = a_human({"security": {"apiKeySecret": {"name": "keys", "key": "api"}}})
        decision = plan.decide(
            human,
            images=IMAGES,
            operator_namespace="o",
            references={Ref("Secret", "keys"): None},
            served=frozenset(),
        )
        assert decision.design.withheld == {names.RUNTIME}
        assert decision.missing == ('Secret "keys" does not exist (spec.security.apiKeySecret)',)
        assert not decision.refused


class TestImage:
    @pytest.mark.parametrize(
        ("spec", "image"),
        [
            ({}, IMAGES.runtime),
            ({"llm": {"openAI": {"url": "http://llm:8000/v1", "model": "m"}}}, IMAGES.runtime),
            ({"llm": {"transformers": {"model": "llama3:8b"}}}, IMAGES.runtime_gpu),
            (
                {"llm": {"transformers": {"model": "llama3:8b"}}, "gpu": {"profile": "none"}},
                IMAGES.runtime_gpu,
            ),
            ({"image": "mine:1", "llm": {"transformers": {"model": "llama3:8b"}}}, "mine:1"),
        ],
    )
    def test_a_model_in_the_pod_comes_with_torch(self, spec: dict[str, Any], image: str) -> None:
        assert a_decision(a_human(spec)).design.image == image


class TestFetch:
    def source(self, **source: Any) -> dict[str, Any]:
        return {"llm": {"transformers": {"model": "llama3:8b", "source": source}}}

    def test_revision_fetches_again_and_credentials_do_not(self) -> None:
        def one(**more: Any) -> str | None:
            return fetch_digest(a_human(self.source(objectStore={"url": "s3://aaa/b"} | more)).spec)

        assert one() == one(credentialsSecret="other")
        assert one() != one(revision="2")
        assert one() != one(endpoint="https://minio.example")

    @pytest.mark.parametrize(
        ("source", "fetches", "claim"),
        [
            ({"persistentVolumeClaim": {"claimName": "mine"}}, False, "mine"),
            ({"oci": {"reference": "r@sha256:" + "0" * 64}}, False, None),
            ({"huggingFace": {"repository": "a/b"}}, True, "ada-models"),
        ],
    )
    def test_which_sources_fetch(
        self, source: dict[str, Any], fetches: bool, claim: str | None
    ) -> None:
        human = a_human(self.source(**source))
        assert (fetch_digest(human.spec) is not None) == fetches
        assert models_claim(human) == claim


class TestReplicas:
    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            ({}, (1, False, False)),
            ({"replicas": 0}, (0, False, False)),
            ({"replicas": 4}, (4, False, False)),
            ({"autoscaling": {"maxReplicas": 3}}, (None, True, False)),
            ({"autoscaling": {"maxReplicas": 3}, "mode": "Suspended"}, (0, False, True)),
            ({"replicas": 4, "mode": "Paused"}, (4, False, False)),
        ],
    )
    def test_who_decides(self, spec: dict[str, Any], expected: tuple[Any, ...]) -> None:
        design = a_decision(a_human(spec)).design
        assert (design.replicas, design.autoscaled, design.suspended) == expected


class TestResources:
    def test_figures_of_the_guide(self) -> None:
        found = requests_and_limits(a_human({"gpu": {"profile": "a100-40gb"}}).spec)
        assert found == ({"cpu": "8", "memory": "32Gi"}, {"cpu": "16", "memory": "64Gi"})

    def test_keys_are_overridden_one_by_one(self) -> None:
        spec = a_human({"resources": {"requests": {"cpu": "500m"}, "limits": {"x.y/z": 1}}}).spec
        assert requests_and_limits(spec) == (
            {"cpu": "500m", "memory": "1Gi"},
            {"cpu": "2", "memory": "2Gi", "x.y/z": "1"},
        )

    def test_default_never_contradicts_what_is_given(self) -> None:
        larger = a_human({"resources": {"requests": {"memory": "4Gi"}}}).spec
        assert requests_and_limits(larger)[1]["memory"] == "4Gi"
        smaller = a_human({"resources": {"limits": {"memory": "512Mi"}}}).spec
        assert requests_and_limits(smaller)[0]["memory"] == "512Mi"

    @pytest.mark.parametrize(
        ("redis", "limit"),
        [
            ({"managed": {}}, 192 * 2**20),
            ({"managed": {"resources": {"memory": "4Gi"}}}, 3 * 2**30),
            ({"managed": {"resources": {"memory": "0"}}}, None),
            ({"external": {"url": "redis://a.example"}}, None),
        ],
    )
    def test_redis_fills_less_than_its_container_has(
        self, redis: dict[str, Any], limit: int | None
    ) -> None:
        human = a_human({"sessions": {"store": {"redis": redis}}})
        assert a_decision(human).design.redis_max_memory == limit

    @pytest.mark.parametrize("name", ["hugepages-2Mi", "example.com/encoder"])
    def test_what_cannot_be_overcommitted_has_its_request_as_limit(self, name: str) -> None:
        spec = a_human({"resources": {"requests": {name: "2"}}}).spec
        assert requests_and_limits(spec)[1][name] == "2"

    def test_no_default_of_the_face_contradicts_what_is_given(self) -> None:
        asked = {"requests": {"cpu": "8", "memory": "32Gi"}, "limits": {"cpu": "16"}}
        face = a_human({"face": {"managed": {"resources": asked}}}).spec.face.managed
        assert face_requests_and_limits(face) == (
            {"cpu": "8", "memory": "32Gi"},
            {"cpu": "16", "memory": "32Gi"},
        )
        assert face_requests_and_limits(None)[0] == {"cpu": "2", "memory": "8Gi"}

    @pytest.mark.parametrize(
        ("text", "value"),
        [("1", 1), ("500m", 0.5), ("64Gi", 64 * 2**30), ("2k", 2000), ("1e3", 1000), ("1E", 1e18)],
    )
    def test_quantities(self, text: str, value: float) -> None:
        assert quantity(text) == value


def _from(source: dict[str, Any]) -> dict[str, Any]:
    return {"llm": {"transformers": {"model": "m", "source": source}}}


STORED: dict[str, Any] = {"storage": {"models": {}}, "replicas": 2}
OCI = _from({"oci": {"reference": "r@sha256:" + "0" * 64}})
CLAIM = _from({"persistentVolumeClaim": {"claimName": "mine"}})


OURS: dict[str, Any] = {
    "llm": {"transformers": {"model": "llama3:8b"}},
    "gpu": {"profile": "a100-80gb"},
}
HUB = OURS | _from({"huggingFace": {"repository": "a/b"}})
HASHED: dict[str, Any] = {"hashFields": ["email"], "keySecret": {"name": "s", "key": "k"}}


class TestWarnings:
    @pytest.mark.parametrize(
        ("spec", "words"),
        [
            ({"rollout": {"blueGreen": {}}}, "spec.rollout.blueGreen"),
            ({"availability": {"loadBalancing": "LeastConnections"}}, "LeastConnections"),
            ({"availability": {"failover": {}}}, "spec.availability.failover"),
            ({"availability": {"maxUnavailable": 1}}, "one replica"),
            ({"privacy": {"freeText": "Redact"}}, "spec.privacy.freeText Redact is not acted on"),
            ({"privacy": HASHED}, "spec.privacy.hashFields is not acted on yet"),
            ({"privacy": HASHED}, "spec.privacy.keySecret is not acted on yet"),
            ({"audit": {"volume": {"claimName": "x"}}}, "spec.audit"),
            ({"budget": {"monthly": 5}}, "spec.budget"),
            ({"gpu": {"profile": "l4", "pruning": {}}}, "spec.gpu.pruning"),
            ({"gpu": {"profile": "l4", "compile": {}}}, "spec.gpu.compile"),
            ({"monitoring": {"podMonitor": {}}}, "PodMonitor"),
            ({"monitoring": {"rules": {}}}, "PrometheusRule"),
            ({"storage": {"models": {}}, "replicas": 2}, "ReadWriteOnce"),
            ({"llm": {"transformers": {"model": "llama3:8b"}}}, "resources.limits.memory"),
            (
                {"llm": {"transformers": {"model": "llama3:8b"}}},
                "spec.llm.transformers.source is absent, so the weights have to be in the image",
            ),
            (
                {"network": {"expose": {"type": "LoadBalancer", "host": "a.example"}}},
                "spec.network.expose.host is without effect with type LoadBalancer",
            ),
            (
                {"network": {"expose": {"type": "LoadBalancer", "ingressClassName": "nginx"}}},
                "spec.network.expose.ingressClassName is without effect",
            ),
            (
                {
                    "network": {
                        "expose": {
                            "type": "Gateway",
                            "gateway": {"name": "g"},
                            "annotations": {"a": "b"},
                        }
                    }
                },
                "spec.network.expose.annotations is without effect with type Gateway",
            ),
            (
                {"network": {"policy": "Off", "allowFrom": [{"namespace": "a"}]}},
                "spec.network.allowFrom is without effect",
            ),
            (
                {"network": {"policy": "Off", "allowTo": [{"namespace": "a", "ports": [1]}]}},
                "spec.network.allowTo is without effect",
            ),
            (
                {"network": {"policy": "Off"}, "monitoring": {"scrapeFrom": ["monitoring"]}},
                "spec.monitoring.scrapeFrom is without effect",
            ),
            (STORED | OCI, "spec.storage.models is without effect"),
            (STORED | CLAIM, "spec.storage.models is without effect"),
            ({"gpu": {"count": 2}}, "spec.gpu.count: without effect"),
            ({"gpu": {"profile": "l4", "count": 2}}, "spec.gpu.count 2: the runtime uses one GPU"),
            (
                {
                    "gpu": {"profile": "h100"},
                    "llm": {"transformers": {"model": "llama3:8b", "precision": "fp8"}},
                },
                "spec.llm.transformers.precision fp8: the runtime refuses to start with it",
            ),
            (
                {"gpu": {"platform": "gke", "memoryFraction": 0.5}},
                "spec.gpu.platform, spec.gpu.memoryFraction: without effect",
            ),
            (
                {"placement": {"runtimeClassName": "gvisor"}},
                "spec.placement.runtimeClassName: without effect",
            ),
            (
                {"face": {"managed": {"gpu": {"profile": "l4", "count": 2}}}},
                "spec.face.managed.gpu.count 2: each server uses one GPU",
            ),
            (
                {"sessions": {"affinity": "None", "affinityTimeout": "5h"}},
                "spec.sessions.affinityTimeout: without effect",
            ),
            (
                {
                    "security": {"tlsSecret": {"name": "tls"}},
                    "network": {"expose": {"type": "Gateway", "gateway": {"name": "g"}}},
                },
                "BackendTLSPolicy",
            ),
            (
                {"gpu": {"profile": "l40s", "platform": "gke"}},
                "gke: no label of its nodes says l40s",
            ),
            ({"gpu": {"profile": "rtx4090", "platform": "eks"}}, "spec.gpu.platform eks"),
            ({"gpu": {"profile": "a100-80gb", "platform": "aks"}}, "spec.gpu.platform aks"),
            (
                {"face": {"managed": {"gpu": {"profile": "l4", "platform": "aks"}}}},
                "spec.face.managed.gpu.platform aks",
            ),
            (
                {
                    "autoscaling": {"minReplicas": 2, "maxReplicas": 9},
                    "availability": {"minAvailable": 2},
                },
                "minAvailable 2 means all of the 2 Pods of autoscaling.minReplicas",
            ),
            (
                {
                    "autoscaling": {"minReplicas": 3, "maxReplicas": 9},
                    "availability": {"minAvailable": "99%"},
                },
                "minAvailable 99% means all of the 3 Pods",
            ),
            (
                {
                    "autoscaling": {"maxReplicas": 3, "gpu": 80},
                    "gpu": {"profile": "a100-mig-2g.10gb"},
                },
                "spec.autoscaling.gpu is without effect",
            ),
            ({"newField": 1}, "spec.newField is not known"),
            ({"gpu": {"tensorRT": {"newField": 1}}}, "spec.gpu.tensorRT.newField is not known"),
            (
                {"podTemplate": {"env": [{"name": "A", "value": "b", "newField": 1}]}},
                "spec.podTemplate.env[0].newField is not known",
            ),
        ],
    )
    def test_field_without_behaviour_is_named(self, spec: dict[str, Any], words: str) -> None:
        found = warnings(a_human(spec).spec, frozenset())
        assert any(words in sentence for sentence in found), found

    def test_nothing_to_say_about_the_simplest_human(self) -> None:
        assert warnings(a_human().spec, frozenset()) == ()

    @pytest.mark.parametrize("source", [OCI, CLAIM])
    def test_no_volume_is_made_or_talked_of_that_stays_empty(self, source: dict[str, Any]) -> None:
        human = a_human(STORED | source)
        assert models_claim(human) != names.models(human.name)
        assert not any("accessMode" in said for said in warnings(human.spec, frozenset()))

    @pytest.mark.parametrize(
        "spec",
        [
            {"network": {"expose": {"type": "Ingress", "host": "a.example",
                                    "ingressClassName": "n", "annotations": {"a": "b"}}}},
            {"network": {"expose": {"type": "LoadBalancer", "annotations": {"a": "b"}}}},
            {"network": {"allowFrom": [{"namespace": "a"}]}, "monitoring": {"scrapeFrom": ["m"]}},
            {"gpu": {"profile": "l4", "memoryFraction": 0.5, "platform": "gke"}},
            {"gpu": {"profile": "l4"}, "placement": {"runtimeClassName": "nvidia"}},
            {"gpu": {"profile": "l4"}, "autoscaling": {"maxReplicas": 3, "gpu": 80}},
            {"gpu": {"profile": "a100-80gb", "platform": "aks"},
             "placement": {"nodeSelector": {"a": "b"}}},
            {"gpu": {"profile": "a100-40gb", "platform": "eks"}},
            {"face": {"managed": {"gpu": {"profile": "l4"}}},
             "placement": {"runtimeClassName": "nvidia"}},
            {"sessions": {"affinityTimeout": "5h"}},
            {"privacy": {"retention": "720h", "freeText": "Keep"}},
            {"autoscaling": {"minReplicas": 3, "maxReplicas": 9},
             "availability": {"minAvailable": 2}},
            {"autoscaling": {"minReplicas": 2, "maxReplicas": 9},
             "availability": {"maxUnavailable": "100%"}},
            STORED | {"replicas": 1},
            OURS | {"image": "registry.example.com/with-weights:1"},
            OURS | {"podTemplate": {"env": [{"name": "DIGITAL_HUMAN_MODELS", "value": "/w"}]}},
            OURS | {"storage": {"models": {}}},
            HUB,
            {"backup": {"schedule": "0 2 * * *", "include": ["config", "models"],
                        "destination": {"persistentVolumeClaim": {"claimName": "backups"}}}},
        ],
    )  # fmt: skip
    def test_what_has_an_effect_is_not_warned_about(self, spec: dict[str, Any]) -> None:
        assert warnings(a_human(spec).spec, ALL_KINDS) == ()

    def test_each_field_without_effect_has_a_sentence_of_its_own(self) -> None:
        spec = a_human({"privacy": HASHED | {"freeText": "Redact", "retention": "720h"}}).spec
        found = [sentence.split()[0] for sentence in warnings(spec, frozenset())]
        assert found == [
            "spec.privacy.freeText",
            "spec.privacy.hashFields",
            "spec.privacy.keySecret",
        ]

    def test_served_kinds_are_not_warned_about(self) -> None:
        spec = a_human({"monitoring": {"podMonitor": {}, "rules": {}}}).spec
        assert warnings(spec, ALL_KINDS) == ()

    @pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
    def test_examples_know_every_field(self, path: Any) -> None:
        found = warnings(example(path).spec, ALL_KINDS)
        assert not any("not known" in sentence for sentence in found)


def test_same_input_same_decision() -> None:
    human = a_human(EVERYTHING)
    assert repr(a_decision(human)) == repr(a_decision(human))


def test_no_number_of_warnings_is_too_much_for_status() -> None:
    unknown = {f"field{number}": 1 for number in range(80)}
    human = a_human(HUB | unknown)  # whose model is in no catalogue
    found = a_decision(human).warnings
    assert found[0].startswith("spec.llm.transformers.model m is not in the catalogue")
    assert found[-1].startswith("and ")
    nothing = DigitalHumanStatus()
    told = status.compute(human, a_decision(human), Observed(), nothing, "2026-03-01T12:00:00Z")
    assert len(told.warnings) == 64
