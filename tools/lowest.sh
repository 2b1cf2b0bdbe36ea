#!/usr/bin/env bash
# The unit tests on the oldest versions that pyproject.toml allows, on the oldest Python. Needs uv and Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-lowest
python=$venv/bin/python
uv venv -q --clear --python "${LOWEST_PYTHON:-3.11}" $venv
uv pip compile -q --python $python --resolution lowest-direct pyproject.toml \
  --extra langchain --extra llama-index --extra tokenizer --extra http2 -o $venv/lowest.txt
uv pip install -q --python $python -r $venv/lowest.txt
# the tests' own tools are new: what is under test is old
uv pip install -q --python $python -c $venv/lowest.txt \
  pytest pytest-asyncio pytest-timeout pytest-xdist trustme hypothesis tqdm
grep -E '^(httpx|pydantic|langchain-core|llama-index-core|mistral-common|h2)==' $venv/lowest.txt
$python -m pytest -q -p no:cacheprovider -n "${LOWEST_WORKERS:-auto}" tests/unit/_oxen_transport tests/integration/faults/test_connecting.py \
  tests/integration/_oxen_transport tests/unit/test_messages.py tests/integration/llama_index_oxen/test_llms.py \
  tests/integration/llama_index_oxen/test_tools.py
