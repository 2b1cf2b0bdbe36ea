"""`docs/parameters.md`, generated from the classes: `python -m tools.parameter_page` writes it, a test compares it."""

from __future__ import annotations

from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from langchain_core.language_models import BaseChatModel
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from _oxen_transport.settings.params import OxenParams
from _oxen_transport.settings.settings import OxenSettings
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen

PAGE = Path(__file__).parent.parent / "docs" / "parameters.md"
HEAD = """# Parameters

Of both classes, at construction; those of a call also in `bind` and as keyword arguments of a call. A name that is not
known is refused, with the nearest one. Conventional names of other classes are accepted, see
[Coming from another class](migration.md).
"""


def page() -> str:
    """The whole page."""
    call = [name for name in OxenSettings.model_fields if name in OxenParams.model_fields]
    client = [name for name in OxenSettings.model_fields if name not in OxenParams.model_fields]
    parts = [
        HEAD,
        table("Of a call", OxenSettings, call),
        table("Of the object", OxenSettings, client),
        table("Only of ChatOxen", ChatOxen, own(ChatOxen, BaseChatModel)),
        table("Only of Oxen", Oxen, own(Oxen, FunctionCallingLLM)),
        "The fields of LangChain's `BaseChatModel` and of LlamaIndex's `FunctionCallingLLM` are there as well.\n",
    ]
    return "\n".join(parts)


def own(cls: type[BaseModel], base: type[BaseModel]) -> list[str]:
    """Fields that a class adds to those of its framework's base and to those that both classes have."""
    return sorted(set(cls.model_fields) - set(base.model_fields) - set(OxenSettings.model_fields))


def table(title: str, cls: type[BaseModel], names: list[str]) -> str:
    """One table, with its heading."""
    rows = [row(name, cls.model_fields[name]) for name in names]
    return f"## {title}\n\n| parameter | type | default | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def row(name: str, field: FieldInfo) -> str:
    """One parameter."""
    default = "" if field.default in (None, PydanticUndefined) else f"`{field.default!r}`"
    text = (field.description or "").replace("|", "\\|")
    return f"| `{name}` | `{type_of(field.annotation)}` | {default} | {text} |"


def type_of(annotation: Any) -> str:
    """A type as one writes it; secrets are given as text, and the long list of model ids is text, too."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_of(arguments[0])
    if origin is Literal:
        return "str" if len(arguments) > 9 else " or ".join(map(repr, arguments))
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(type_of, arguments)))
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(type_of, arguments))}]"
    return {SecretStr: "str", NoneType: "None"}.get(annotation, annotation.__name__)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
