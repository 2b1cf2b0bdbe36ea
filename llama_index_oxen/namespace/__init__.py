"""`from llama_index.llms.oxen import Oxen`, as LlamaIndex's users write it: the same class, by its other name.

In the wheel this folder is `llama_index/llms/oxen`, and nothing else is in `llama_index` (see
pyproject.toml). That one is no package of its own: an `__init__.py` in it, or in
`llama_index/llms`, would hide all the rest of LlamaIndex (https://peps.python.org/pep-0420/).
"""

from llama_index_oxen import *  # noqa: F403 - the very same names
from llama_index_oxen import __all__  # noqa: F401
