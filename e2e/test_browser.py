"""The dashboard and the consent page in a real browser: runs browser/*.test.js with Node's own runner."""

import os
import re
import subprocess
from pathlib import Path

import pytest

TESTS = sorted((Path(__file__).parent / "browser").glob("*.test.js"))
PATIENCE_SECONDS = 600


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.name.removesuffix(".test.js"))
def test_the_pages_work_in_a_browser(request, binary, tmp_path, tests):
    option = request.config.getoption
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", str(tests)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
            "NODE_PATH": str(option("node_modules").resolve()),
            "VINCULO_E2E_BINARY": str(binary.resolve()),
            "VINCULO_E2E_CHROMIUM": option("chromium"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    counted = dict(re.findall(r"^# (\w+) (\d+)$", done.stdout, re.MULTILINE))
    assert int(counted["pass"]) > 0 and counted["skipped"] == "0", done.stdout
