"""Every CEL rule of the CRDs, against a real API server."""

import pytest

from tests.api.forms import FORMS, forms, more
from tests.api.samples import FETCHED, SAMPLES, Sample, parsed
from tests.api.schemas import JsonObject, all_rules, crds
from tests.api.server import Server


def _is_form(message: str) -> bool:
    return message.startswith(tuple(FORMS))


def test_each_rule_has_one_sample() -> None:
    counts = {
        (kind, path, message): sum(
            s.kind == kind and s.rule == path and s.says in message for s in SAMPLES
        )
        for kind, path, message in all_rules()
    }
    wrong = [rule for rule, n in counts.items() if n != 1 and not (n == 0 and _is_form(rule[2]))]
    assert wrong == []
    assert len(SAMPLES) == sum(counts.values()) >= 40


def test_each_form_has_samples_wherever_it_is_asked_for() -> None:
    asked = [(kind, path) for kind, path, message in all_rules() if _is_form(message)]
    assert asked == [(kind, path) for kind in crds() for path, *_ in forms(kind)]
    assert len(asked) > 90


def _answers(server: Server, sample: Sample, spec: str | tuple[str, str]) -> list[str]:
    if isinstance(spec, tuple):
        return server.change_refusal(sample.kind, parsed(spec[0]), parsed(spec[1]))
    name = sample.name if spec is sample.refused and sample.name else None
    return server.refusal(sample.kind, parsed(spec), name)


@pytest.mark.cluster
def test_accepted_samples_are_accepted(server: Server) -> None:
    answers = {str(s): _answers(server, s, s.accepted) for s in SAMPLES if s.name is None}
    assert {sample: found for sample, found in answers.items() if found} == {}


@pytest.mark.cluster
def test_refused_samples_are_refused_by_their_rule_alone(server: Server) -> None:
    wrong = {}
    for sample in SAMPLES:
        answers = _answers(server, sample, sample.refused)
        field = sample.rule.replace("[]", "[0]").lstrip(".") or "metadata.name"
        ours = [a for a in answers if a.startswith(field) and sample.says in a]
        if len(ours) != 1 or (sample.alone and answers != ours):
            wrong[str(sample)] = answers
    assert wrong == {}


@pytest.mark.cluster
@pytest.mark.parametrize("kind", list(crds()))
def test_each_form_is_told_in_a_sentence_and_nothing_else(server: Server, kind: str) -> None:
    wrong = {}
    for path, says, accepted, refused in forms(kind):
        taken, answers = server.refusal(kind, accepted), server.refusal(kind, refused)
        field = path.replace("[]", "[0]").replace("{}", "[cpu]").lstrip(".")
        if taken or len(answers) != 1 or not answers[0].startswith(field) or says not in answers[0]:
            wrong[path] = (taken, answers)
    assert wrong == {}


@pytest.mark.cluster
@pytest.mark.parametrize("kind", list(crds()))
def test_addresses_and_time_zones_are_looked_at_closely(server: Server, kind: str) -> None:
    wrong = []
    for path, says, is_taken, spec in more(kind):
        answers = server.refusal(kind, spec)
        said = len(answers) == 1 and says in answers[0]
        if bool(answers) == is_taken or not (is_taken or said):
            wrong.append((path, spec, answers))
    assert wrong == []


HOLES = {
    "percent above 100": ("availability: {minAvailable: 101%}", "minAvailable"),
    "number as string": ("availability: {minAvailable: '2'}", "minAvailable"),
    "leading zero": ("availability: {maxUnavailable: 00%}", "maxUnavailable"),
    "octal": ("rollout: {rolling: {maxSurge: '08'}}", "maxSurge"),
    "negative number": ("rollout: {rolling: {maxSurge: -1}}", "maxSurge"),
    "negative quantity": ("resources: {requests: {cpu: -1}}", "cpu"),
    "duration that overflows": ("sessions: {drainDeadline: 999999999h}", "drainDeadline"),
    "duration without unit": ("sessions: {drainDeadline: '30'}", "drainDeadline"),
    "IPv6 link-local": ("speech: {http: {url: 'http://[fe80::1]/'}}", "must not point"),
    "end of fe80::/10": ("speech: {http: {url: 'http://[FEBF::1]/'}}", "must not point"),
    "IPv6 metadata": ("speech: {http: {url: 'http://[fd00:ec2::254]/'}}", "must not point"),
    "IPv4 in IPv6": ("speech: {http: {url: 'http://[::ffff:a9fe:a9fe]/'}}", "must not point"),
    "address as number": ("speech: {http: {url: 'http://2852039166/'}}", "must not point"),
    "address in hexadecimal": ("speech: {http: {url: 'http://0xa9fea9fe/'}}", "must not point"),
    "capitals": ("speech: {http: {url: 'http://METADATA.google.internal/'}}", "must not point"),
    "root dot": ("speech: {http: {url: 'http://metadata.google.internal./'}}", "must not point"),
    "query at once": (
        "speech: {http: {url: 'http://metadata.google.internal?a'}}",
        "must not point",
    ),
    "affinity of no kind": ("placement: {affinity: {nodeAfinity: {}}}", "nodeAfinity"),
    "affinity as text": ("placement: {affinity: {podAffinity: close}}", "podAffinity"),
    "affinity as list": ("placement: {affinity: []}", "affinity"),
    "bits of a host": ("network: {allowFrom: [{cidr: 10.0.0.1/8}]}", "cidr must be a network"),
    "another way to write it": ("network: {allowFrom: [{cidr: '2001:DB8::/32'}]}", "cidr must be"),
    "part of link-local": (
        "network: {allowTo: [{cidr: 169.254.169.254/32, ports: [80]}]}",
        "link-local",
    ),
    "step of zero": (
        "backup: {schedule: '*/0 * * * *', destination: {s3: {bucket: abc}}, include: [config]}",
        "five cron fields",
    ),
}


@pytest.mark.cluster
def test_no_hole_next_to_a_rule(server: Server) -> None:
    answers = {
        name: server.refusal("DigitalHuman", parsed(spec)) for name, (spec, _) in HOLES.items()
    }
    wrong = {n: a for n, a in answers.items() if not a or HOLES[n][1] not in " ".join(a)}
    assert wrong == {}


@pytest.mark.cluster
def test_partial_objects_are_refused_in_words_never_by_a_broken_rule(server: Server) -> None:
    partial = [
        f"{a}: {b}"
        for a in ("llm", "speech", "face", "gpu", "sessions", "rollout", "network", "backup")
        for b in ("{}", "[]", "'x'", "1")
    ]
    partial += ["sessions: {store: {}}", "network: {expose: {}}", "autoscaling: {}", "llm: "]
    partial += ["sessions: {store: {redis: {}}}", "face: {managed: {gpu: {}}}", "budget: {}"]
    answers = {spec: " ".join(server.refusal("DigitalHuman", parsed(spec))) for spec in partial}
    broken = {s: a for s, a in answers.items() if "no such key" in a or "rule evaluation" in a}
    assert broken == {}


@pytest.mark.cluster
def test_max_performance_names_max_autotune(server: Server) -> None:
    (answer,) = server.refusal("DigitalHuman", {"gpu": {"compile": {"mode": "max-performance"}}})
    assert answer.startswith("spec.gpu.compile.mode: ")
    assert "use max-autotune" in answer


@pytest.mark.cluster
def test_unknown_field_is_refused_by_name(server: Server) -> None:
    assert 'unknown field "spec.modes"' in " ".join(
        server.refusal("DigitalHuman", {"modes": "Running"})
    )


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("old", "new", "taken"),
    [
        ({}, {"storage": {"models": {"storageClass": "fast"}}}, False),
        ({}, {"storage": {"models": {"size": "10Gi"}}}, False),
        ({}, {"storage": {"models": {"accessMode": "ReadWriteMany"}}}, False),
        ({}, {"storage": {"models": {"size": "1Ti"}}}, True),
        ({"storage": {"models": {"storageClass": "fast"}}}, {}, False),
        ({"storage": {"models": {"size": "1Ti"}}}, {}, False),
        ({"storage": {"models": {"size": "10Gi"}}}, {}, True),
        ({"llm": {"builtin": {}}}, {"storage": {"models": {"storageClass": "fast"}}}, True),
        ({"storage": {"models": {"storageClass": "fast"}}}, {"llm": {"builtin": {}}}, True),
    ],
)
def test_the_volume_of_the_weights_stays_what_it_is(
    server: Server, old: JsonObject, new: JsonObject, taken: bool
) -> None:
    fetched = parsed(FETCHED)
    answers = server.change_refusal("DigitalHuman", fetched | old, fetched | new)
    said = any("must fit the volume that is there" in answer for answer in answers)
    assert (answers == []) == taken
    assert said != taken


@pytest.mark.cluster
def test_session_store_cannot_change_by_way_of_removal(server: Server) -> None:
    redis: JsonObject = {"sessions": {"store": {"redis": {"managed": {}}}}}
    emptied: list[JsonObject] = [{}, {"sessions": {}}, {"sessions": None}]
    for new in emptied:
        assert "sessions.store cannot be changed" in " ".join(
            server.change_refusal("DigitalHuman", redis, new)
        )
