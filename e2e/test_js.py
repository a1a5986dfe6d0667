"""The official Node.js SDK, unchanged: runs js/belvo.test.js with Node's own test runner."""

import json
import os
import re
import subprocess
from pathlib import Path

SDK_VERSION = "0.28.0"
TESTS = Path(__file__).parent / "js" / "belvo.test.js"
PATIENCE_SECONDS = 300


def test_the_sdk_is_the_published_one(request):
    package = request.config.getoption("node_modules") / "belvo" / "package.json"
    assert json.loads(package.read_text())["version"] == SDK_VERSION


def test_the_node_sdk_works(request, capsys, vinculo, keys, crowd):
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", str(TESTS)],
        env={
            "PATH": os.environ["PATH"],
            "NODE_PATH": str(request.config.getoption("node_modules").resolve()),
            "VINCULO_E2E_URL": vinculo.url,
            "VINCULO_E2E_KEYS": json.dumps(keys),
            "VINCULO_E2E_CROWD_URL": crowd.url,
            "VINCULO_E2E_CROWD_KEYS": json.dumps(crowd.keys),
            "VINCULO_E2E_CROWD": str(len(crowd.ids)),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    counted = dict(re.findall(r"^# (\w+) (\d+)$", done.stdout, re.MULTILINE))
    written = len(re.findall(r"^test\(", TESTS.read_text(), re.MULTILINE))
    assert (int(counted["pass"]), counted["skipped"]) == (written, "0"), done.stdout
    with capsys.disabled():
        print(f"\nbelvo (npm) {SDK_VERSION}: {written} tests passed", end="")
