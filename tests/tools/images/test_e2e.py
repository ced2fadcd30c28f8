"""The real images: built here, looked into, and run as a restricted Pod runs them."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tools.images.containers import Image, output, running, unpack
from tools.binaries import binaries
from tools.cache import ROOT
from tools.cluster import Cluster
from tools.cluster.tokens import service_account_kubeconfig
from tools.images.build import OUT
from tools.operator_process import NAMESPACE, RELEASE, install_chart
from tools.ports import free_port

pytestmark = [
    pytest.mark.images,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="runc and buildah run as root"),
]
PROJECT = "opt/digital-human"
READY_SECONDS = 60
ANYBODY = 12345


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder for a cache of its own, which goes afterwards: it is large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture(params=["operator", "runtime", "backup"])
def image(request: pytest.FixtureRequest) -> Image:
    """Each image."""
    found: Image = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def human(runtime: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running runtime, ready, as some user of a cluster's choice: its addresses."""
    ports = {name: free_port() for name in ("HTTP", "WEBSOCKET", "GRPC", "HEALTH")}
    settings = {f"DIGITAL_HUMAN_{name}_ADDRESS": f"127.0.0.1:{p}" for name, p in ports.items()}
    settings["DIGITAL_HUMAN_DRAIN_SECONDS"] = "2"
    folder = tmp_path_factory.mktemp("human") / "run"
    with running(runtime, folder, environment=settings, user=ANYBODY) as process:
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        until_ready(f"{urls['HEALTH']}/health/ready", process, folder / "output")
        yield urls


def until_ready(
    url: str, process: "subprocess.Popen[bytes]", said: Path, seconds: float = READY_SECONDS
) -> None:
    """Wait until an address answers 200."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, said.read_text()
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - ours
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"not ready: {said.read_text()}")


def ask(url: str) -> bytes:
    """What an address answers."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - ours
        found: bytes = answer.read()
        return found


# What is in them


def test_nothing_builds_installs_or_becomes_root(image: Image) -> None:
    for program in ("pip", "pip3", "gcc", "cc", "apt-get", "apt", "npm", "node", "buildah"):
        for folder in ("usr/bin", "usr/local/bin", "usr/sbin", f"{PROJECT}/bin"):
            assert not (image.root / folder / program).exists()
    for path in image.root.rglob("*"):
        mode = path.lstat().st_mode
        assert not stat.S_ISREG(mode) or not mode & (stat.S_ISUID | stat.S_ISGID), path
    owners = {path.lstat().st_uid for path in (image.root / PROJECT).rglob("*")}
    assert owners == {0}
    site = next((image.root / PROJECT).glob("lib/python3*/site-packages"))
    for package in ("pip", "setuptools", "torch", "transformers", "nvidia"):
        assert not (site / package).exists()


def test_each_holds_its_own_program_only(operator: Image, runtime: Image, backup: Image) -> None:
    def programs(image: Image) -> set[str]:
        return {path.name for path in (image.root / PROJECT / "bin").glob("digital-human-*")}

    assert programs(operator) == {"digital-human-operator"}
    assert programs(backup) == {"digital-human-backup"}
    assert programs(runtime) == {
        "digital-human-doctor",
        "digital-human-loadtest",
        "digital-human-models",
        "digital-human-runtime",
    }


def test_nothing_but_folders_for_that_is_writable(image: Image) -> None:
    free = {"tmp", "var/tmp", "var/cache/digital-human", "run/lock", "dev/shm"}
    for path in image.root.rglob("*"):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & stat.S_IWOTH and not stat.S_ISCHR(mode):
            assert str(path.relative_to(image.root)) in free


def test_nothing_tells_of_the_machine_that_built_it(image: Image) -> None:
    for name in ("etc/hostname", "etc/resolv.conf", "etc/apt/sources.list"):
        assert not (image.root / name).exists()
    assert not list((image.root / "etc/apt").glob("sources.list.d/*"))
    assert not list((image.root / "root").glob("*"))
    assert {step.get("created") for step in image.config["history"]} == {"1970-01-01T00:00:00Z"}


def test_bytecode_is_there_and_looks_at_no_times(image: Image) -> None:
    site = next((image.root / PROJECT).glob("lib/python3*/site-packages"))
    (package,) = site.glob("digital_human_*[a-z]/__main__.py")
    (compiled,) = (package.parent / "__pycache__").glob("__main__.*.pyc")
    unchecked_hash = 1
    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == unchecked_hash
    standard = next(image.root.glob("usr/lib/python3.1*/asyncio/__pycache__/tasks.*.pyc"))
    assert int.from_bytes(standard.read_bytes()[4:8], "little") == unchecked_hash


def test_licences_come_along(image: Image, runtime: Image) -> None:
    site = next((image.root / PROJECT).glob("lib/python3*/site-packages"))
    assert list(site.glob("digital_human-*.dist-info/licenses/LICENSE"))
    assert len(list(image.root.glob("usr/share/doc/*/copyright"))) > 50
    espeak = next(runtime.root.rglob("engines/voice/espeak/COPYING"))
    assert "GNU GENERAL PUBLIC LICENSE" in espeak.read_text()
    assert next(runtime.root.rglob("page/THIRD-PARTY.txt")).stat().st_size > 1000


def test_labels_and_user_are_set(built: dict[str, dict[str, Any]], image: Image) -> None:
    config = image.config["config"]
    assert config["User"] == "65532:65532"
    assert "Volumes" not in config
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in config["Labels"].items()
    }
    assert labels["version"] == built["operator"]["tag"]
    commit = labels["revision"].removesuffix("-dirty")
    ancestor = ["git", "merge-base", "--is-ancestor", commit, "HEAD"]
    assert subprocess.run(ancestor, cwd=ROOT, check=False).returncode == 0
    assert "created" not in labels


def test_the_parts_are_those_that_are_installed(
    built: dict[str, dict[str, Any]], runtime: Image
) -> None:
    document = json.loads((OUT / built["runtime-cpu"]["sbom"]).read_text())
    parts = {part["purl"].partition("?")[0] for part in document["components"]}
    names = {purl.partition("@")[0] for purl in parts}
    site = next((runtime.root / PROJECT).glob("lib/python3*/site-packages"))
    installed = {
        path.name.removesuffix(".dist-info").rpartition("-")[0].lower().replace("_", "-")
        for path in site.glob("*.dist-info")
    }
    assert installed <= {name.removeprefix("pkg:pypi/") for name in names}
    assert {"pkg:deb/debian/libc6", "pkg:npm/three", "pkg:generic/espeak-ng"} <= names


# How they run


def test_the_runtime_says_that_it_is_ready(human: dict[str, str]) -> None:
    report = json.loads(ask(f"{human['HEALTH']}/health/ready"))
    assert report["status"] == "ready"
    assert all(check["ok"] for check in report["checks"].values())
    assert report["checks"]["face"]["detail"] == "embedded network on cpu"
    assert report["checks"]["voice"]["detail"].startswith("eSpeak NG")


def test_the_page_is_served_whole(human: dict[str, str]) -> None:
    index = ask(f"{human['HTTP']}/").decode()
    script = next(part for part in index.split('"') if part.endswith(".js"))
    assert len(ask(f"{human['HTTP']}/{script.lstrip('./')}")) > 10_000


def test_a_conversation_works_with_sound_and_face(
    human: dict[str, str], runtime: Image, tmp_path: Path
) -> None:
    websocket = human["WEBSOCKET"].replace("http://", "ws://")
    code, said = output(
        runtime,
        tmp_path / "load",
        "digital-human-loadtest",
        *("--url", human["HTTP"], "--websocket", f"{websocket}/ws", "--conversations", "1"),
        *("--turns", "1", "--pace", "0", "--ramp", "0", "--chat", "1", "--output", "json"),
    )
    assert code == 0, said
    conversations = json.loads(said[said.index("{") :])["conversations"]
    assert (conversations["tries"], conversations["failed"]) == (1, 0)
    assert conversations["audioSeconds"] > 0.5
    assert (conversations["faults"], conversations["lipSyncFaults"]) == ({}, {})  # nothing is amiss


@pytest.mark.parametrize(
    "program", ["digital-human-doctor", "digital-human-models", "digital-human-loadtest"]
)
def test_the_runtime_s_other_programs_start(runtime: Image, tmp_path: Path, program: str) -> None:
    code, said = output(runtime, tmp_path / "help", program, "--help")
    assert code == 0, said


def test_the_operator_starts_without_anything(operator: Image, tmp_path: Path) -> None:
    code, said = output(operator, tmp_path / "help", "digital-human-operator", "--help")
    assert code == 0
    assert "--kubeconfig" in said
    code, said = output(operator, tmp_path / "alone", "digital-human-operator")
    assert code == 2
    assert len(said.splitlines()) == 1


def test_the_operator_works_against_a_cluster(
    operator: Image, cluster: Cluster, tmp_path: Path
) -> None:
    binaries("kwok")
    install_chart(cluster)
    kubeconfig = tmp_path / "kubeconfig"
    service_account_kubeconfig(cluster.kubeconfig, NAMESPACE, RELEASE, kubeconfig)
    os.chown(kubeconfig, ANYBODY, ANYBODY)
    address = f"127.0.0.1:{free_port()}"
    with running(
        operator,
        tmp_path / "operator",
        ["--kubeconfig", "/run/kubeconfig"],
        environment={
            "DIGITAL_HUMAN_OPERATOR_METRICS_ADDRESS": address,
            "DIGITAL_HUMAN_OPERATOR_POD_NAMESPACE": NAMESPACE,
            "DIGITAL_HUMAN_OPERATOR_POD_NAME": "image",
        },
        user=ANYBODY,
        mounts={"/run/kubeconfig": kubeconfig},
    ) as process:
        until_ready(f"http://{address}/readyz", process, tmp_path / "operator" / "output")


# How they are built


def test_a_build_from_nothing_gives_the_same_and_tells_no_secret(
    built: dict[str, dict[str, Any]], operator: Image, scratch: Path
) -> None:
    canary = "canary.example.com"
    environment = {**os.environ, "XDG_CACHE_HOME": str(scratch), "NO_PROXY": f"localhost,{canary}"}
    command = [sys.executable, "-m", "tools.images", "build", "operator", "--out"]
    subprocess.run([*command, str(scratch / "out")], cwd=ROOT, env=environment, check=True)
    known = json.loads((scratch / "out" / "operator.json").read_text())
    assert known["layers"] == built["operator"]["layers"]
    grep = ["grep", "--recursive", "--text", "--files-with-matches", canary]
    folder = scratch / "root"
    image = unpack(scratch / "out" / "operator.tar", folder)
    assert without_revision(image) == without_revision(operator)
    found = subprocess.run([*grep, str(folder)], capture_output=True, text=True, check=False)
    assert found.returncode == 1, found.stdout
    assert canary not in json.dumps(image.config)
    assert not left_over(scratch)


def test_a_build_that_is_ended_leaves_nothing(built: object, scratch: Path) -> None:
    cache = scratch / "digital-human" / "images"
    cache.mkdir(parents=True)
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "digital-human"
    (cache / "bases").symlink_to(user / "images" / "bases")
    environment = {**os.environ, "XDG_CACHE_HOME": str(scratch)}
    out = scratch / "out"
    command = [sys.executable, "-m", "tools.images", "build", "operator", "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    log = out / "operator.log"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (
        log.exists() and "--require-hashes" in log.read_text()
    ):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.decode().splitlines()[-1] == "Stopped; nothing half-built is left."
    assert [path.name for path in out.iterdir()] == ["operator.log"]
    assert not left_over(scratch)


def test_without_a_network_there_is_one_sentence(built: object, scratch: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(scratch)}
    command = [sys.executable, "-m", "tools.images", "build", "operator", "--out"]
    done = subprocess.run(
        ["unshare", "--net", *command, str(scratch / "out")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("No Debian mirror can be reached")
    assert "Traceback" not in done.stderr
    assert not left_over(scratch)


def without_revision(image: Image) -> dict[str, Any]:
    """The configuration but for the commit, which may be another one by now."""
    config = json.loads(json.dumps(image.config))
    del config["config"]["Labels"]["org.opencontainers.image.revision"]
    found: dict[str, Any] = config
    return found


def left_over(folder: Path) -> list[str]:
    """Mounts, working containers and temporary folders of builds that kept their cache there."""
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    storage = folder / "digital-human" / "images" / "containers"
    records = storage / "overlay-containers" / "containers.json"
    working = json.loads(records.read_text()) if records.is_file() else []
    scratch = [str(path) for path in Path("/tmp").glob("digital-human-images-*")]  # noqa: S108
    return [*mounts, *(str(one) for one in working or []), *scratch]
