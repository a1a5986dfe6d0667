"""`./test`, as whoever has cloned the repository runs it, up to where it would compile."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def programs(tmp_path):
    """A folder whose programs are found first."""
    folder = tmp_path / "programs"
    folder.mkdir()
    return folder


def program(folder, name, script):
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def tried(programs, **variables):
    """What it says when it has ended, with a cargo that compiles nothing."""
    environment = dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}", **variables)
    return subprocess.run([ROOT / "test"], env=environment, capture_output=True, text=True)


def test_who_may_not_mount_is_told_before_anything_is_built(programs, tmp_path):
    program(programs, "unshare", "echo 'unshare: not permitted' >&2; exit 1")
    program(programs, "cargo", f"touch {tmp_path}/compiled; exit 1")
    done = tried(programs)
    assert done.returncode == 1
    assert "unshare: not permitted\ntest: a test mounts a folder read only" in done.stderr
    assert not (tmp_path / "compiled").exists()


def test_what_somebody_has_set_for_other_runs_is_forgotten(programs, tmp_path):
    seen = tmp_path / "seen"
    # Where it would look at the format, once there is a PostgreSQL.
    program(programs, "cargo", f"env >{seen}; exit 1")
    others = {"INSTA_UPDATE": "always", "INSTA_FORCE_PASS": "1", "PROPTEST_CASES": "0",
              "PYTEST_ADDOPTS": "--collect-only", "NEXTEST_PROFILE": "none", "NODE_OPTIONS": "--check",
              "CARGO_BUILD_TARGET": "none", "VINCULO_MODE": "production"}
    done = tried(programs, **others)
    assert done.returncode == 1
    environment = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
    kept = {name: environment[name] for name in others if name in environment}
    assert kept == {"INSTA_UPDATE": "no"}
    assert "VINCULO_TEST_POSTGRES_URL" in environment
    # It says with which one.
    assert "initdb (PostgreSQL) " in done.stdout
