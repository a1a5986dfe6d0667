"""The release as somebody gets it: unpacked into an empty folder, run with an empty environment."""

import configparser
import contextlib
import ipaddress
import json
import os
import re
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
import yaml
from installation import Vinculo

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
GUIDE = PACKAGING / "README.md"
UNITS = {"vinculo.service": "serve", "vinculo-worker@.service": "worker"}
# Of systemd-analyze security, where 10 (100 here) is no protection at all.
EXPOSURE = 20


def packed(binary, out):
    environment = dict(os.environ, SOURCE_DATE_EPOCH="1767225600")
    command = [PACKAGING / "tarball", "--binary", binary, "--out", out]
    subprocess.run(command, check=True, env=environment)
    [archive] = out.glob("vinculo-*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def archive(binary, tmp_path_factory):
    return packed(binary, tmp_path_factory.mktemp("packed"))


@pytest.fixture(scope="module")
def usr(archive, tmp_path_factory):
    """The release, unpacked where nothing else is."""
    folder = tmp_path_factory.mktemp("usr")
    command = ["tar", "-xzf", archive, "-C", folder, "--strip-components=1"]
    subprocess.run(command, check=True)
    return folder


def alone(*command, folder):
    """A command that finds nothing: no variable, no file but its own."""
    done = subprocess.run(command, env={}, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_same_binary_gives_the_same_bytes(binary, archive, tmp_path):
    (tmp_path / "vinculo-0.0.9-linux-gnu.tar.gz").write_bytes(b"an older one, which the image would unpack too")
    again = packed(binary, tmp_path)
    assert again.read_bytes() == archive.read_bytes()
    subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=archive.parent, check=True)


def test_nothing_of_the_builder_is_in_the_archive(archive):
    with tarfile.open(archive) as tar:
        entries = tar.getmembers()
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {
        (0, 0, "root", "root")
    }
    assert {entry.mtime for entry in entries} == {1767225600}
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
    assert {entry.mode for entry in entries} == {0o644, 0o755}


def test_it_runs_in_an_empty_environment(usr, tmp_path):
    vinculo = usr / "bin/vinculo"
    assert alone(vinculo, "--version", folder=tmp_path).startswith("vinculo ")
    # Plays the guide: keys, a webhook, a link, employments, over HTTP.
    told = alone(vinculo, "demo", folder=tmp_path)
    assert "employments" in told
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_what_belongs_to_a_release_is_in_it(usr):
    documents = usr / "share/doc/vinculo"
    licences = (documents / "THIRD-PARTY-LICENCES").read_text()
    linked = subprocess.run(
        ["cargo", "tree", "--package=vinculo-cli", "--edges=normal", "--prefix=none", "--locked",
         "--format={p}"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    names = {" ".join(line.split()[:2]).replace(" v", " ") for line in linked.stdout.splitlines()}
    missing = [name for name in names if name not in licences and not name.startswith("vinculo-")]
    assert missing == []
    assert (documents / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (documents / "docs/REFERENCE.md").is_file()
    assert os.access(documents / "scripts/copy-links", os.X_OK)
    completions = usr / "share/bash-completion/completions/vinculo"
    subprocess.run(["bash", "-n", completions], check=True)


def test_its_documents_lead_somewhere(usr):
    documents = usr / "share/doc/vinculo"
    links = [(page, link.partition("#")[0]) for page in documents.rglob("*.md")
             for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())]
    links = [(page, link) for page, link in links if link and not re.match(r"[a-z]+:", link)]
    assert len(links) > 100
    lost = [(str(page.relative_to(documents)), link) for page, link in links if not (page.parent / link).exists()]
    assert lost == []
    # And what they have their reader run is there.
    run = re.findall(r"^(scripts/\S+) ", (documents / "docs/MIGRATING.md").read_text(), re.M)
    assert run and all((documents / script).is_file() for script in run)


def test_systemd_understands_the_units(usr, tmp_path):
    for name, command in UNITS.items():
        unit = (usr / "lib/systemd/system" / name).read_text()
        assert f"ExecStart=/usr/bin/vinculo {command}\n" in unit
        unit = unit.replace("/usr/bin/vinculo", str(usr / "bin/vinculo"))
        (tmp_path / name.replace("@.", "@1.")).write_text(unit)
    units = [str(unit) for unit in tmp_path.iterdir()]
    # With what its guide says of a master key that comes from a command.
    [dropped_in] = re.findall(r"```\n(\[Service\]\n.*?)```", GUIDE.read_text(), re.S)
    assert "UnsetEnvironment=VINCULO_MASTER_KEY_FILE\n" in dropped_in
    for unit in units:
        folder = Path(f"{unit}.d")
        folder.mkdir()
        (folder / "key.conf").write_text(dropped_in)
    # The manual that the units point to is the one of the release.
    environment = dict(os.environ, MANPATH=str(usr / "share/man"))
    command = ["systemd-analyze", "verify", *units]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "vinculo" in line]
    assert (ours, done.returncode) == ([], 0), done.stderr
    for unit in units:
        limit = f"--threshold={EXPOSURE}"
        command = ["systemd-analyze", "security", "--offline=true", limit, unit]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", UNITS)
def test_a_service_is_started_again_for_as_long_as_it_takes(usr, name):
    """A database that comes back last, after a power cut, finds everybody still trying."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(usr / "lib/systemd/system" / name)
    service = unit["Service"]
    assert service["Restart"] in ("on-failure", "always")
    # Without a limit of starts; by itself systemd has one of five in ten seconds.
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert 1 <= int(service["RestartSec"]) <= 30


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_the_user_and_the_folder_of_the_service_are_made(usr, tmp_path):
    root = f"--root={tmp_path}"
    (tmp_path / "etc/vinculo").mkdir(parents=True)
    key = tmp_path / "etc/vinculo/master.key"
    key.write_text("0123456789abcdef" * 4)
    subprocess.run(["systemd-sysusers", root, usr / "lib/sysusers.d/vinculo.conf"], check=True)
    passwd = (tmp_path / "etc/passwd").read_text()
    assert re.search(r"^vinculo:x:\d+:\d+:vinculo:/var/lib/vinculo:\S*nologin$", passwd, re.M)
    command = ["systemd-tmpfiles", root, "--create", usr / "lib/tmpfiles.d/vinculo.conf"]
    subprocess.run(command, check=True)
    folder = key.parent.stat()
    group = re.search(r"^vinculo:x:(\d+):", (tmp_path / "etc/group").read_text(), re.M).group(1)
    assert (folder.st_mode & 0o777, folder.st_uid, folder.st_gid) == (0o750, 0, int(group))
    assert (key.stat().st_mode & 0o777, key.stat().st_uid) == (0o600, 0)


def test_no_setting_is_misspelt(usr):
    known = set(re.findall(r"VINCULO_\w+", alone(usr / "bin/vinculo", "reference", folder=usr)))
    files = [PACKAGING / "Containerfile", PACKAGING / "compose.yaml"]
    files += [PACKAGING / "systemd" / name for name in UNITS]
    for file in files:
        named = set(re.findall(r"VINCULO_\w+", file.read_text()))
        assert named and named <= known, (file.name, named - known)


def health_check(name):
    """The command by which the image, or a service, says how it does."""
    if name == "image":
        lines = (PACKAGING / "Containerfile").read_text().replace("\\\n", "")
        return json.loads(re.search(r"^HEALTHCHECK .*? CMD (\[.*\])$", lines, re.M)[1])
    compose = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
    kind, *command = compose["services"][name]["healthcheck"]["test"]
    assert kind == "CMD"
    return command


def port_of(command):
    """The port that a health check asks."""
    [port] = re.findall(r"/dev/tcp/127\.0\.0\.1/(\d+) ", command[-1])
    return port


@contextlib.contextmanager
def running(binary, folder, does, *command, **settings):
    """A process of a new installation, and the port on which it says that it `does` something."""
    folder.mkdir()
    installation = Vinculo(binary, folder, **settings)
    arguments, environment = installation.arguments(*command), installation.environment
    with subprocess.Popen(arguments, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = (re.match(rf"{does} on http://127\.0\.0\.1:(\d+)", line) for line in process.stdout)
            yield next(port[1] for port in said if port)
        finally:
            process.kill()


@pytest.mark.parametrize(
    "name, process",
    [("image", ["listening", "serve", "--listen", "127.0.0.1:0"]),
     ("server", ["metrics", "serve", "--no-worker", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]),
     ("worker", ["metrics", "worker", "--metrics-listen", "127.0.0.1:0"])],
)  # fmt: skip
def test_a_health_check_tells_who_is_ready(binary, tmp_path, name, process):
    *shell, check = health_check(name)

    def is_well(port):
        asked = [*shell, check.replace(f"/{port_of([check])} ", f"/{port} ")]
        environment = {"PATH": os.environ["PATH"]}
        return subprocess.run(asked, env=environment, stderr=subprocess.DEVNULL, timeout=60).returncode == 0

    with running(binary, tmp_path / "ready", *process) as port:
        deadline = time.monotonic() + 60
        while not is_well(port):
            assert time.monotonic() < deadline, "it is never well"
    assert not is_well(port), "nobody is there any more"
    with running(binary, tmp_path / "full", *process, least_free_mib=4_000_000_000) as port:
        assert not is_well(port)


def test_the_services_of_the_compose_file_fit_together():
    compose = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"database", "server", "worker"}
    for name, service in services.items():
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        volumes = {volume.split(":")[0] for volume in service.get("volumes", [])}
        assert volumes <= set(compose["volumes"]), name
        assert set(service.get("depends_on", {})) <= set(services), name
    # One of the two works off the jobs, and both are the same image on the same data.
    commands = [services[name]["command"] for name in ("server", "worker")]
    assert commands == [["serve", "--no-worker"], ["worker"]]
    assert services["server"]["volumes"] == services["worker"]["volumes"]
    # Each says how it does where it is watched, the image where it listens.
    assert all("healthcheck" in service for service in services.values())
    [port] = {port_of(health_check(name)) for name in ("server", "worker")}
    for name in ("server", "worker"):
        address, _, its = services[name]["environment"]["VINCULO_METRICS_LISTEN"].rpartition(":")
        assert its == port and not ipaddress.ip_address(address).is_loopback, f"nobody can watch the {name}"
    containerfile = (PACKAGING / "Containerfile").read_text()
    assert f"VINCULO_LISTEN=0.0.0.0:{port_of(health_check('image'))} " in containerfile
    # Whoever listens to everybody is not in development, with keys that everybody knows.
    assert re.search(r"^ENV VINCULO_MODE=production ", containerfile, re.M)
    # Nothing follows what `latest` becomes.
    images = [service["image"] for service in services.values()]
    images += re.findall(r"^FROM (\S+)$", containerfile, re.M)
    named = [image for image in images if "/" in image]
    # What is known of that version of PostgreSQL stands in a table.
    [major] = re.findall(r"/postgres:(\d+)\.", services["database"]["image"])
    rows = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "docs/DATABASE.md").read_text(), re.M)
    assert major in ", ".join(rows).split(", ")
    assert len(named) == 2 and all(re.search(r":\d+\.\d+(-\w+)?$", image) for image in named)


def test_the_image_is_made_of_the_release(archive):
    lines = (PACKAGING / "Containerfile").read_text()
    [source] = re.findall(r"^ADD (\S+) ", lines, re.M)
    assert Path(archive.name).match(source)
    assert re.search(r"^USER 10001:10001$", lines, re.M), "not root"
