"""A customer's webhook endpoint."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from installation import PATIENCE_SECONDS

WEBHOOK_TOKEN = "e2e-token"


class Receiver:
    """Keeps what it is sent.

    `status_of` says what to answer to a body, and may take its time: a receiver that is slow is one
    whose `status_of` waits for `closing`.
    """

    def __init__(self, status_of=lambda body: 200):
        received = queue.Queue()
        bytes_of = {}

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(raw)
                bytes_of[body["webhook_id"]] = raw
                received.put((self.path, self.headers, body))
                status = status_of(body)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    self.wfile.flush()
                except ConnectionError:
                    # The server did not wait for a slow receiver.
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.closing = threading.Event()
        # Bodies as they came, by webhook_id.
        self.bytes_of = bytes_of
        self._received = received
        self._of_others = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, link_id, *types):
        """The first webhook of each type about a link, as {type: (path, headers, body)}."""
        found = {}
        waiting = self._of_others
        self._of_others = []
        while set(types) - set(found):
            event = waiting.pop() if waiting else self.next()
            body = event[2]
            if body["link_id"] == link_id and body["webhook_type"] in types:
                found.setdefault(body["webhook_type"], event)
            else:
                self._of_others.append(event)
        self._of_others += waiting
        return found

    def next(self, patience=PATIENCE_SECONDS):
        """The next webhook, whatever it is about: path, headers, body."""
        return self._received.get(timeout=patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
