"""`init_chat_model("oxen:...")`, for code that takes its model as a string.

LangChain has no public hook for third-party providers: its table is a private dict
(`_BUILTIN_PROVIDERS` in `langchain/chat_models/base.py`). So this is opt-in; `ChatOxen(...)`, or
`class_path` where a framework has it, needs no registration.
"""

from __future__ import annotations

from typing import Any

from langchain_oxen.errors import OxenConfigError, OxenMissingExtraError


def register() -> None:
    """Add "oxen" to the providers of `init_chat_model`, for this process. Calling it again changes nothing.

    Raises:
        OxenMissingExtraError: The package `langchain` is not installed.
        OxenConfigError: The table of providers of this LangChain release is not the one known here.

    Example:
        >>> from langchain.chat_models import init_chat_model
        >>> import langchain_oxen
        >>> langchain_oxen.register()
        >>> type(init_chat_model("oxen:open-mixtral-8x22b", api_key="your-key")).__name__
        'ChatOxen'
    """
    try:
        from langchain.chat_models import base  # noqa: PLC0415 - langchain is optional
    except ImportError:
        raise OxenMissingExtraError("langchain_oxen.register() needs langchain: pip install langchain") from None
    table = getattr(base, "_BUILTIN_PROVIDERS", None)
    if not isinstance(table, dict) or not all(_is_entry(entry) for entry in table.values()):
        raise OxenConfigError(
            "this release of langchain keeps its providers in an unknown form; use ChatOxen(...) in place of "
            'init_chat_model("oxen:...")'
        )
    table.setdefault("oxen", ("langchain_oxen", "ChatOxen", lambda cls, **kwargs: cls(**kwargs)))


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, tuple) and len(entry) == 3 and callable(entry[2])
