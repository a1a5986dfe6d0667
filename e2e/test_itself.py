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
