"""llama.cpp's own HTTP server, as a child process: `python -m examples.support.server WEIGHTS ALIAS SLOTS`.

Prints its address when the model is loaded; stops when its standard input closes, that is, also
when the process that started it was killed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Before the import: OpenMP's threads wait by spinning, and on busy cores that costs a factor of ten.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import xllamacpp

CONTEXT = 8192
# With its own template this model writes tool calls as Markdown; with ours llama.cpp can read them.
TEMPLATE = Path(__file__).with_name("qwen-tools.jinja")


def serve(weights: str, alias: str, slots: str = "1") -> None:
    """Serve until standard input ends; `slots` answers are written at a time, each with the whole context."""
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.model_alias = {alias}
    params.n_ctx = CONTEXT * int(slots)
    params.n_parallel = int(slots)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = min(os.cpu_count() or 1, 8)
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # a free one
    params.use_jinja = True
    params.chat_template = TEMPLATE.read_text(encoding="utf-8")
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])
