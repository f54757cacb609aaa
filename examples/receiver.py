"""A receiver of Homeward's webhooks: verifies, answers at once, and drops repeats.

    pip install standardwebhooks
    python examples/receiver.py --port 9000 --secret-file secret.txt

It prints one JSON line for each notice that verified.  Three rules make a receiver right:

1. verify the signature over the *bytes* that arrived, before reading anything from them;
2. answer 204 as soon as the notice is kept, and do the work afterwards;
3. remember `webhook-id`: delivery is at least once, and a repeat has the same id.
"""

from __future__ import annotations

import argparse
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from standardwebhooks import Webhook, WebhookVerificationError

LARGEST_BODY = 64 * 1024


class Receiver(ThreadingHTTPServer):
    """Keeps the secret, and the ids it has seen."""

    def __init__(self, port: int, secret_file: Path) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.secret_file = secret_file
        self.seen: set[str] = set()
        self.lock = Lock()


class Handler(BaseHTTPRequestHandler):
    """Answers one notice."""

    server: Receiver

    def do_POST(self) -> None:
        """Verify, remember, answer."""
        length = int(self.headers.get("content-length", 0))
        if length > LARGEST_BODY:
            self.reply(413)
            return
        body = self.rfile.read(length)
        try:
            webhook = Webhook(self.server.secret_file.read_text().strip())
            notice = webhook.verify(body, dict(self.headers.items()))
        except (WebhookVerificationError, ValueError):
            self.reply(401)
            return
        self.keep(self.headers["webhook-id"], notice)
        self.reply(204)

    def keep(self, webhook_id: str, notice: dict[str, object]) -> None:
        """Print the notice with its id, and whether it came before."""
        with self.server.lock:
            repeated = webhook_id in self.server.seen
            self.server.seen.add(webhook_id)
            print(json.dumps({"webhook_id": webhook_id, "repeated": repeated, **notice}), flush=True)

    def reply(self, status: int) -> None:
        """Answer without a body."""
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent: standard output carries the notices."""


def main() -> None:
    """Receive until stopped."""
    parser = argparse.ArgumentParser(description="Receive and verify Homeward's webhooks.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--secret-file", type=Path, required=True, help="file that holds the endpoint's whsec_ secret")
    arguments = parser.parse_args()
    receiver = Receiver(arguments.port, arguments.secret_file)
    print(json.dumps({"listening": receiver.server_address[1], "pid": os.getpid()}), flush=True)
    receiver.serve_forever()


if __name__ == "__main__":
    main()
