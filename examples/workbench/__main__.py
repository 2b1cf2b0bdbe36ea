"""Run a model in the browser, tune its parameters, compare answers, copy the request.

python -m examples.workbench [--port 8080] [--no-browser]
"""

from __future__ import annotations

import argparse
import os

# before the import: what streams is rendered anew a few times a second, and each time would be kept for ever
os.environ.setdefault("MARKDOWN_CONTENT_CACHE_SIZE", "0")

from nicegui import app, ui
from nicegui.native import find_open_port
from starlette.middleware.trustedhost import TrustedHostMiddleware

from examples.support import connection
from examples.workbench.page import LOOPBACK, OnlyOwnSources, add_page
from examples.workbench.run import warm_up


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.workbench", description=__doc__)
    parser.add_argument("--port", type=int, default=None, help="default: the first free one from 8080 upward")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    arguments = parser.parse_args()
    port = arguments.port or find_open_port()
    # another site's page must not reach the key by a name that resolves to this machine
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])
    app.add_middleware(OnlyOwnSources)
    add_page(connection(slots=2))
    warm_up()
    print(f"The workbench is at http://{LOOPBACK}:{port}", flush=True)
    ui.run(
        host=LOOPBACK,
        port=port,
        title="Workbench",
        favicon="🐂",
        dark=None,
        reload=False,
        show=not arguments.no_browser,
        show_welcome_message=False,
    )


if __name__ == "__main__":
    main()
