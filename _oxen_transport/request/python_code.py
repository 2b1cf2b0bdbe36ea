"""A chat request as Python code: with requests, with openai, or with one of the two classes of this library."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import family
from _oxen_transport.request.build import checked
from _oxen_transport.request.repair import repair
from _oxen_transport.settings import DEFAULT_BASE_URL, WIRE_NAMES, is_loopback

_OPENAI_ARGUMENTS = (
    *("model", "messages", "temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty", "stop"),
    *("seed", "logprobs", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "response_format"),
    *("stream", "stream_options"),
)
_PATH = "/chat/completions"
_DEFAULT_STREAM_OPTIONS = {"include_usage": True}


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON that people can read."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def literal(value: Any, indent: int = 0) -> str:
    """A JSON value as Python source, one item a line; JSON's string escapes mean the same in Python."""
    pad, end = " " * (indent + 4), " " * indent
    if isinstance(value, dict) and value:
        items = [f"{pad}{json_text(key)}: {literal(item, indent + 4)},\n" for key, item in value.items()]
        return "{\n" + "".join(items) + end + "}"
    if isinstance(value, list) and value:
        return "[\n" + "".join(f"{pad}{literal(item, indent + 4)},\n" for item in value) + end + "]"
    return json_text(value) if isinstance(value, str) else repr(value)


def call(function: str, arguments: Mapping[str, str], *positional: str) -> str:
    """A call as Python source, one argument a line; the arguments are source themselves."""
    lines = [*positional, *(f"{name}={source}" for name, source in arguments.items())]
    if len(lines) == 1 and "\n" not in lines[0] and len(lines[0]) < 90:
        return f"{function}({lines[0]})"
    return f"{function}(\n" + "".join(f"    {line},\n" for line in lines) + ")"


def environment_names(headers: tuple[str, ...]) -> dict[str, str]:
    """Header -> the environment variable that holds its value, a name of its own for each."""
    names: dict[str, str] = {}
    for header in headers:
        name = re.sub(r"[^A-Z0-9_]", "_", header.upper())
        name = f"HEADER_{name}" if name[0].isdigit() else name
        while name in names.values():
            name += "_"
        names[header] = name
    return names


def with_requests(url: str, body: dict[str, Any] | None, headers: tuple[str, ...], *, with_key: bool) -> str:
    """Code for the library requests; without a body, a GET."""
    lines = {"Content-Type": '"application/json"'} if body is not None else {}
    if with_key:
        lines["Authorization"] = "f\"Bearer {os.environ['OXEN_API_KEY']}\""
    lines |= {name: f'os.environ["{variable}"]' for name, variable in environment_names(headers).items()}
    arguments = {"headers": "{\n" + "".join(f"        {json_text(k)}: {v},\n" for k, v in lines.items()) + "    }"}
    stream = body is not None and body.get("stream") is True
    if body is not None:
        arguments["json"] = literal(body, 4)
    arguments |= {"stream": "True"} if stream else {}
    reading = ["print(response.json())"]
    if stream:
        reading = [
            "for line in response.iter_lines():",
            '    if line.startswith(b"data: ") and line != b"data: [DONE]":',
            "        print(json.loads(line[6:]))",
        ]
    imports = ["import json"] if stream else []
    imports += ["import os"] if with_key or headers else []
    made = call("requests.get" if body is None else "requests.post", arguments, json_text(url))
    before = "\n".join([*imports, "import requests"] if not imports else [*imports, "", "import requests"])
    return "\n".join([before, "", f"response = {made}", "response.raise_for_status()", *reading, ""])


def with_openai(url: str, body: dict[str, Any], headers: tuple[str, ...], *, with_key: bool) -> str:
    """Code for OpenAI's own library."""
    key = 'os.environ["OXEN_API_KEY"]' if with_key else 'os.environ.get("OXEN_API_KEY", "none")'
    client = {"base_url": json_text(url.removesuffix(_PATH)), "api_key": key}
    client |= {"default_headers": _from_environment(headers)} if headers else {}
    named = {name: value for name, value in body.items() if name in _OPENAI_ARGUMENTS}
    further = {name: value for name, value in body.items() if name not in _OPENAI_ARGUMENTS}
    arguments = {name: literal(value, 4) for name, value in named.items()}
    arguments |= {"extra_body": literal(further, 4)} if further else {}
    made = call("client.chat.completions.create", arguments)
    if body.get("stream") is True:
        using = [f"stream = {made}", "for chunk in stream:", "    print(chunk.model_dump_json(exclude_none=True))"]
    else:
        using = [f"completion = {made}", "print(completion.choices[0].message)"]
    return "\n".join(
        ["import os", "", "from openai import OpenAI", "", f"client = {call('OpenAI', client)}", *using, ""]
    )


def with_langchain(url: str, body: dict[str, Any], headers: tuple[str, ...], *, with_key: bool) -> str:
    """Code for `langchain_oxen.ChatOxen`."""
    made = call("ChatOxen", _settings(url, body, headers))
    messages = literal(body["messages"], 4)
    if body.get("stream") is True:
        asked = call("chat.stream", {}, messages)
        using = [f"for chunk in {asked}:", '    print(chunk.text, end="", flush=True)', "print()"]
    else:
        using = [f"message = {call('chat.invoke', {}, messages)}", "print(message.text)"]
    imports = ["import os", ""] if headers else []
    return "\n".join([*imports, "from langchain_oxen import ChatOxen", "", f"chat = {made}", *using, ""])


def with_llama_index(url: str, body: dict[str, Any], headers: tuple[str, ...], *, with_key: bool) -> str:
    """Code for `llama_index_oxen.Oxen`."""
    made = [_chat_message(message) for message in body["messages"]]
    extra = {} if None not in made else {"messages": body["messages"]}  # no block holds it: sent as it is
    sources = ['ChatMessage(role="user", content="see extra_body")'] if extra else [each for each in made if each]
    messages = "[\n" + "".join(f"        {source},\n" for source in sources) + "    ]"
    blocks = [name for name in ("ImageBlock", "TextBlock") if any(f"{name}(" in source for source in sources)]
    imports = ["import os", ""] if headers else []
    imports += [f"from llama_index.core.llms import {', '.join(['ChatMessage', *blocks])}", ""]
    llm = call("Oxen", _settings(url, body, headers, extra))
    if body.get("stream") is True:
        asked = call("llm.stream_chat", {}, messages)
        using = [f"for response in {asked}:", '    print(response.delta, end="", flush=True)', "print()"]
    else:
        using = [f"response = {call('llm.chat', {}, messages)}", "print(response.message.content)"]
    return "\n".join([*imports, "from llama_index_oxen import Oxen", "", f"llm = {llm}", *using, ""])


def _settings(
    url: str, body: dict[str, Any], headers: tuple[str, ...], extra: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """The arguments of this library's classes that make them send this body."""
    model = family(str(body["model"]))
    wires = {name: model.seed_name if name == "seed" else name for name in WIRE_NAMES}
    given = {name: body[wire] for name, wire in wires.items() if wire in body}
    given = {"model": body["model"], **{name: value for name, value in given.items() if _passes(name, value, body)}}
    sent_as_given = {"messages", "stream", *(wires.get(name, name) for name in given)}
    further = {**{name: value for name, value in body.items() if name not in sent_as_given}, **(extra or {})}
    if body.get("stream") is True and given.get("stream_options", {}) == _DEFAULT_STREAM_OPTIONS:
        del given["stream_options"]
    elif body.get("stream") is True and "stream_options" not in body:
        given["stream_options"] = None
    arguments = {name: literal(value, 4) for name, value in given.items()}
    arguments |= {"extra_body": literal(further, 4)} if further else {}
    arguments |= {"extra_headers": _from_environment(headers)} if headers else {}
    if repair(body["messages"], model, "repair", tools=bool(body.get("tools"))) != body["messages"]:
        arguments["history"] = '"off"'
    base_url = url.removesuffix(_PATH)
    if base_url != DEFAULT_BASE_URL:
        arguments["base_url"] = json_text(base_url)
    if base_url.startswith("http:") and not is_loopback(urlsplit(base_url).hostname):
        arguments["allow_insecure_http"] = "True"
    return arguments


def _passes(name: str, value: Any, body: dict[str, Any]) -> bool:
    """Whether the class sends this value as it is; what it would refuse or leave out goes into `extra_body`."""
    if value is None or value == [] or not isinstance(name, str) or keyword.iskeyword(name):
        return False
    if name in ("tool_choice", "parallel_tool_calls") and not body.get("tools"):
        return False
    if name == "stream_options" and body.get("stream") is not True:
        return False
    if name == "temperature" and isinstance(value, int | float) and value > family(str(body["model"])).max_temperature:
        return False
    try:
        return bool(getattr(checked({name: value}), name) == value)
    except OxenConfigError:
        return False


def _from_environment(headers: tuple[str, ...]) -> str:
    items = [f'{json_text(name)}: os.environ["{variable}"]' for name, variable in environment_names(headers).items()]
    return "{" + ", ".join(items) + "}"


def _chat_message(message: dict[str, Any]) -> str | None:
    """One message as LlamaIndex's; None, if none of its blocks holds it."""
    role, content = message.get("role"), message.get("content")
    beside = {name: value for name, value in message.items() if name not in ("role", "content")}
    # a result names its call; of any other message, `name` and `tool_calls` are what LlamaIndex sends
    allowed = {"tool": {"tool_call_id"}, "assistant": {"name", "tool_calls"}}.get(str(role), {"name"})
    if not beside.keys() <= allowed:
        return None
    arguments = {"role": json_text(role)}
    if isinstance(content, list):
        parts = [_block(part) for part in content]
        if role != "user" or None in parts:
            return None
        arguments["blocks"] = "[" + ", ".join(part for part in parts if part) + "]"
    else:
        arguments["content"] = literal(content)
    arguments |= {"additional_kwargs": literal(beside, 8)} if beside else {}
    return f"ChatMessage({', '.join(f'{name}={source}' for name, source in arguments.items())})"


def _block(part: Any) -> str | None:
    if isinstance(part, dict) and part.keys() == {"type", "text"} and part["type"] == "text":
        return f"TextBlock(text={literal(part['text'])})"
    image = part.get("image_url") if isinstance(part, dict) and part.keys() == {"type", "image_url"} else None
    if isinstance(image, dict) and image.keys() == {"url"} and str(image["url"]).startswith("data:image/"):
        return f"ImageBlock(url={literal(image['url'])})"
    return None
