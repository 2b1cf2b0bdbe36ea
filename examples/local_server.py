"""Starts the small real model of the examples for code of your own, and says where it is. Ctrl-C stops it.

python -m examples.local_server
"""

from __future__ import annotations

import threading

from examples.support.local import start_server

print(f"export OXEN_BASE_URL={start_server()}", flush=True)
threading.Event().wait()
