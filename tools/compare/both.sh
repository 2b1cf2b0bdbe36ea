#!/usr/bin/env bash
# The two tables of docs/comparison.md anew, on the newest versions. Each framework has an environment of its own:
# LlamaIndex's OpenAILike needs openai 2, and LangChain's ChatOpenAI is measured with openai 3.
set -euo pipefail
cd "$(dirname "$0")/../.."
environment() {
  [ -x "$1/bin/python" ] || python3 -m venv "$1"
  "$1/bin/pip" install -q --upgrade -e ".[$2]"
}
environment .venv-compare compare
.venv-compare/bin/python -m tools.compare.langchain --write docs/comparison.md
environment .venv-compare-llama-index compare-llama-index
.venv-compare-llama-index/bin/python -m tools.conformance.score --readme docs/comparison.md
.venv-compare-llama-index/bin/python -m pytest -q -o addopts= -k OpenAILike tests/contract/test_migration.py
