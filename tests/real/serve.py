"""A plain moto server in a process of its own: the AWS account that terraform applies the sample to.

``python -m tests.real.serve`` prints its address as one JSON line and serves until its standard input is closed,
so that it cannot outlive whoever started it.
"""

from __future__ import annotations

import json
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server


def main() -> None:
    """Serve on a free port of the loopback interface."""
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"endpoint_url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
