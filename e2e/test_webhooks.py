"""Signatures of webhooks, verified by the code that docs/WEBHOOKS.md gives to receivers."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from receiver import Receiver
from standardwebhooks.webhooks import WebhookVerificationError

DOCUMENT = Path(__file__).parents[1] / "docs" / "WEBHOOKS.md"
PATIENCE_SECONDS = 60
# Reads what to verify from standard input; prints the event, or ends with 1.
NODE = """
const { secret, headers, body } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(verified(secret, headers, body)));
"""


def snippet(language):
    """The only example in a language."""
    [code] = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return code


def in_python(secret, headers, body):
    scope = {}
    exec(snippet("python"), scope)
    return scope["verified"](secret, headers, body)


@pytest.fixture
def in_node(request, tmp_path):
    script = tmp_path / "verify.js"
    script.write_text(snippet("js") + NODE)
    modules = request.config.getoption("node_modules").resolve()

    def verify(secret, headers, body):
        given = {"secret": secret, "headers": headers, "body": body.decode()}
        done = subprocess.run(
            ["node", str(script)],
            input=json.dumps(given),
            env={"PATH": os.environ["PATH"], "NODE_PATH": str(modules)},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            assert "WebhookVerificationError" in done.stderr, done.stderr
            raise WebhookVerificationError(done.stderr)
        return json.loads(done.stdout)

    return verify


@pytest.fixture
def signed(vinculo, sandbox):
    """A receiver's secrets, old and new, and what it was sent while both were live."""
    with Receiver() as receiver:
        endpoint = vinculo.add_webhook(receiver.url)
        try:
            both = ("--environment", "sandbox", endpoint["id"])
            new = vinculo.run("webhooks", "rotate", *both)["secret"]
            event = vinculo.run("webhooks", "test", *both)["event"]
            _, headers, body = receiver.next()
            assert body["webhook_id"] == event == headers["webhook-id"]
            yield [endpoint["secret"], new], dict(headers), receiver.bytes_of[event]
        finally:
            sandbox.send("DELETE", f"/manage/v1/webhook-endpoints/{endpoint['id']}/")


def test_both_secrets_verify_and_nothing_else_does(signed, in_node):
    secrets, headers, body = signed
    stranger = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    for verified in (in_python, in_node):
        for secret in secrets:
            assert verified(secret, headers, body) == json.loads(body)
            with pytest.raises(WebhookVerificationError):
                verified(secret, headers, body.replace(b"TEST", b"LINK"))
            late = {**headers, "webhook-timestamp": "1700000000"}
            with pytest.raises(WebhookVerificationError):
                verified(secret, late, body)
        with pytest.raises(WebhookVerificationError):
            verified(stranger, headers, body)
