"""Requests that schemathesis makes up from the OpenAPI document, at least 200 for every operation.

Every answer must be one that the document describes, and none may be a server's error. Numbers
are in schemathesis.toml; real_ids.py makes half of the requests about things that exist.
`--seed` chooses other requests.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from installation import Vinculo

HERE = Path(__file__).parent
PATIENCE_SECONDS = 1200
EXAMPLES = 200
# The contract tolerates and refuses more than a schema can say.
EXCLUDED = ["negative_data_rejection", "positive_data_acceptance"]
# No session is ever open that could be resumed.
NEVER_SUCCEED = {"PATCH /api/links/", "PATCH /api/owners/"}


def test_every_answer_is_described(request, capsys, binary, tmp_path):
    seed = request.config.getoption("seed")
    with capsys.disabled():
        print(f"\nschemathesis: seed {seed}", end=" ", flush=True)
    unlimited = {
        f"{limit}_per_minute": 0 for limit in ("rate_limit", "delete_limit", "login_failures")
    }
    with Vinculo(binary, tmp_path, **unlimited) as vinculo:
        tally_file = tmp_path / "tally.json"
        done = fuzz(vinculo, seed, tally_file)
    assert done.returncode == 0, done.stdout
    tally = json.loads(tally_file.read_text())
    with capsys.disabled():
        requests = sum(sum(statuses.values()) for statuses in tally.values())
        print(f"{requests} requests to {len(tally)} operations", end=" ")
    # A run that reached nothing would prove nothing.
    few = {name: statuses for name, statuses in tally.items() if sum(statuses.values()) < EXAMPLES}
    assert not few
    fruitless = {name for name, statuses in tally.items() if not any(s[0] == "2" for s in statuses)}
    assert fruitless == NEVER_SUCCEED, tally


def fuzz(vinculo, seed, tally_file):
    keys = vinculo.keys("sandbox")
    id_and_password = f"{keys['secret_id']}:{keys['secret_password']}"
    return subprocess.run(
        [
            *(sys.executable, "-B", "-m", "schemathesis.cli"),
            *("--config-file", str(HERE / "schemathesis.toml"), "run"),
            *("--seed", str(seed), "--auth", id_and_password, "--no-color"),
            *("--checks", "all", "--exclude-checks", ",".join(EXCLUDED)),
            f"{vinculo.url}/api/openapi.json",
        ],
        # Hypothesis writes into the folder it runs in.
        cwd=vinculo.data_dir,
        env={
            "PATH": os.environ["PATH"],
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": str(HERE),
            "SCHEMATHESIS_HOOKS": "real_ids",
            "VINCULO_E2E_URL": vinculo.url,
            "VINCULO_E2E_ID": keys["secret_id"],
            "VINCULO_E2E_PASSWORD": keys["secret_password"],
            "VINCULO_E2E_TALLY": str(tally_file),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
