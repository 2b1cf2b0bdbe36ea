"""The wire side of `langchain_oxen` and `llama_index_oxen`: private, shared by both.

It knows the API and HTTP, and no framework. Import the two packages, not this one.
"""

__version__ = "0.1.0"
