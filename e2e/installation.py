"""An installation of vinculo in a folder of its own."""

import json
import os
import queue
import subprocess
import threading

# How long the machine may take; nothing waits this long unless something is broken.
PATIENCE_SECONDS = 120


class Vinculo:
    """Commands, and the running server. `settings` are variables without their VINCULO_."""

    def __init__(self, binary, data_dir, **settings):
        self.binary = binary.resolve(strict=True)
        self.data_dir = data_dir
        self.url = None
        self.server = None
        # Nothing of the caller's configuration or proxies reaches the server.
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(data_dir)}
        for name, value in {"webhook_allow_private": True, **settings}.items():
            self.environment[f"VINCULO_{name.upper()}"] = str(value).lower()

    def arguments(self, *command):
        return [str(self.binary), *command, "--data-dir", str(self.data_dir)]

    def run(self, *command):
        """The JSON that a command on the installation prints."""
        return self._printed(self.arguments(*command, "--json"))

    def _printed(self, command):
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=self.data_dir,
            stdout=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        return json.loads(done.stdout)

    def document(self, *options):
        """What `vinculo openapi` prints."""
        return self._printed([str(self.binary), "openapi", *options])

    def keys(self, environment):
        """New API keys of an environment: secret_id, secret_password, environment."""
        return self.run("keys", "create", "--environment", environment, "--name", "e2e")

    def add_webhook(self, url, *options):
        """Registers a receiver in the sandbox. Answers the endpoint, with its secret."""
        return self.run("webhooks", "create", "--environment", "sandbox", "--url", url, *options)

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

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        status = self.stop()
        assert kind or status == 0, f"the server ended with {status}"
