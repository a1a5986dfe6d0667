"""One vinculo server with keys and a webhook receiver, for every test of this folder."""

import json
import os
import queue
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

# How long the machine may take; nothing waits this long unless something is broken.
PATIENCE_SECONDS = 60
WEBHOOK_TOKEN = "e2e-token"


def pytest_addoption(parser):
    parser.addoption("--binary", required=True, type=Path, help="the vinculo binary to test")


class Vinculo:
    """An installation in a folder of its own: commands, and the running server."""

    def __init__(self, binary, data_dir):
        self.binary = binary.resolve(strict=True)
        self.data_dir = data_dir
        self.url = None
        self.server = None
        # Nothing of the caller's configuration or proxies reaches the server.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(data_dir),
            "VINCULO_WEBHOOK_ALLOW_PRIVATE": "true",
        }

    def arguments(self, *command):
        return [str(self.binary), *command, "--data-dir", str(self.data_dir)]

    def run(self, *command):
        """The JSON that a command prints."""
        done = subprocess.run(
            self.arguments(*command, "--json"),
            env=self.environment,
            cwd=self.data_dir,
            stdout=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        return json.loads(done.stdout)

    def start(self):
        self.server = subprocess.Popen(
            self.arguments("serve", "--listen", "127.0.0.1:0"),
            env=self.environment,
            cwd=self.data_dir,
            stdout=subprocess.PIPE,
            text=True,
        )
        ready = queue.Queue()
        self._reader = threading.Thread(target=self._read_output, args=(ready,), daemon=True)
        self._reader.start()
        self.url = ready.get(timeout=PATIENCE_SECONDS)
        assert self.url, "the server ended before it was ready"

    def _read_output(self, ready):
        with self.server.stdout as lines:
            for line in lines:
                if line.startswith("listening on "):
                    ready.put(line.removeprefix("listening on ").strip())
        ready.put(None)

    def stop(self):
        """Asks the server to stop and returns its exit status."""
        self.server.terminate()
        try:
            return self.server.wait(timeout=PATIENCE_SECONDS)
        finally:
            self.server.kill()
            self._reader.join()


class Receiver:
    """A customer's webhook endpoint that keeps what it is sent."""

    def __init__(self):
        received = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.put((self.path, self.headers, json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._received = received
        self._of_other_links = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, link_id, *types):
        """The first webhook of each type about a link, as {type: (path, headers, body)}."""
        found = {}
        waiting = self._of_other_links
        self._of_other_links = []
        while set(types) - set(found):
            event = waiting.pop() if waiting else self._received.get(timeout=PATIENCE_SECONDS)
            body = event[2]
            if body["link_id"] == link_id and body["webhook_type"] in types:
                found.setdefault(body["webhook_type"], event)
            else:
                self._of_other_links.append(event)
        self._of_other_links += waiting
        return found

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def vinculo(request, tmp_path_factory, receiver):
    """A server that is ready, with the receiver registered in its sandbox."""
    # The SDK reads proxies from the environment.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    vinculo = Vinculo(request.config.getoption("binary"), tmp_path_factory.mktemp("vinculo"))
    try:
        vinculo.start()
        vinculo.run(
            *("webhooks", "create", "--environment", "sandbox", "--url", receiver.url),
            *("--authorization", f"Bearer {WEBHOOK_TOKEN}"),
        )
        yield vinculo
    except BaseException:
        vinculo.stop()
        raise
    assert vinculo.stop() == 0


@pytest.fixture(scope="session")
def keys(vinculo):
    """API keys of the sandbox: secret_id, secret_password, environment."""
    return vinculo.run("keys", "create", "--environment", "sandbox", "--name", "e2e")
