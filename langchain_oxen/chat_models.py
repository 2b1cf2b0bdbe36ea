"""`ChatOxen`: Oxen's chat models in LangChain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.utils import LC_ID_PREFIX
from pydantic import ConfigDict, Field

from _oxen_transport import async_client_for, client_for
from _oxen_transport.errors import OxenConfigError
from _oxen_transport.parameter_docs import documented
from _oxen_transport.request.build import Request, build, build_off_loop, counts_tokens
from _oxen_transport.response.usage import token_usage
from _oxen_transport.types import Completion
from langchain_oxen._base import BaseChatOxen
from langchain_oxen.errors import LangChainErrors
from langchain_oxen.events import EventStream
from langchain_oxen.messages import from_wire, to_wire
from langchain_oxen.stream import from_chunk
from langchain_oxen.tools import ToolLike, tool_choice_to_wire, tools_to_wire

if TYPE_CHECKING:
    from langchain_oxen.structured import Method
else:
    Method = str  # core's `RunnableWithFallbacks` reads the hints of these methods


@documented
class ChatOxen(BaseChatOxen):
    """Chat models served by Oxen.ai.

    Setup:
        Make a key at https://www.oxen.ai and put it into the environment.

        ```bash
        pip install "oxen-integrations[langchain]"
        export OXEN_API_KEY="your-key"
        ```

    Key init args, completion:
        model: str
            Id of the model, default "open-mixtral-8x22b". `ChatOxen().list_models()` shows all.
        temperature: float | None
            Randomness, 0 to 2; Mixtral takes at most 1.5.
        max_tokens: int | None
            The most tokens the answer may have.
        top_p, frequency_penalty, presence_penalty, stop, seed, logprobs, top_logprobs
            As in OpenAI's API. What is not set is not sent.
        extra_body: dict
            Further fields of the request, sent as they are.

    Key init args, client:
        api_key: str | None
            Default: the environment's OXEN_API_KEY.
        base_url: str
            Default: the environment's OXEN_BASE_URL, else Oxen.
        timeout: float
            Seconds of silence before an attempt ends, default 120.
        total_timeout: float | None
            Seconds for the whole call with its retries and the whole stream.
        max_retries: int
            Further attempts after the first, default 2; never after a first word came.
        history: "repair" | "strict" | "off"
            What happens to a conversation that the model's family would refuse.

    Instantiate:
        ```python
        from langchain_oxen import ChatOxen

        model = ChatOxen(model="open-mixtral-8x22b", temperature=0, max_retries=2)
        ```

    Invoke:
        ```python
        messages = [
            ("system", "You translate English into French."),
            ("human", "The ox pulls the plough."),
        ]
        message = model.invoke(messages)
        print(message.text)
        ```

    Stream:
        ```python
        for chunk in model.stream(messages):
            print(chunk.text, end="")

        full = None
        for chunk in model.stream(messages):
            full = chunk if full is None else full + chunk
        ```

        A stream that breaks off raises an error with the part that came in `.partial`.

        ```python
        stream = model.stream_events("Tell me about oxen.", version="v3")
        for delta in stream.text:
            print(delta, end="")
        message = stream.output
        ```

    Async:
        ```python
        message = await model.ainvoke(messages)

        async for chunk in model.astream(messages):
            print(chunk.text, end="")

        answers = await model.abatch(["one", "two", "three"], config={"max_concurrency": 2})
        ```

    Tool calling:
        ```python
        def get_weather(city: str) -> str:
            '''The weather in a city.'''
            return f"sunny in {city}"

        message = model.bind_tools([get_weather]).invoke("What is the weather in 'Paris'?")
        for call in message.tool_calls:
            print(call["name"], call["args"])
        ```

        Arguments that are no whole JSON object stand in `message.invalid_tool_calls`, with the raw text.

    Structured output:
        ```python
        from pydantic import BaseModel, Field

        class Joke(BaseModel):
            '''A joke.'''

            setup: str = Field(description="the question")
            punchline: str = Field(description="the answer")

        joke = model.with_structured_output(Joke).invoke("Tell me a joke about oxen.")
        joke = model.with_structured_output(Joke, method="auto", repair=True).invoke("And another one.")
        ```

        An answer that does not fit raises `OxenStructuredOutputError` with the answer in `.partial`.

    Token usage:
        ```python
        message = model.invoke(messages)
        usage = message.usage_metadata
        print(usage["input_tokens"], usage["output_tokens"], usage["total_tokens"])
        ```

        The price of an answer in US dollars, by the list price of the catalogue:

        ```python
        cost = model.get_model().cost(message.usage_metadata)
        ```

    Response metadata:
        ```python
        metadata = model.invoke(messages).response_metadata
        print(metadata["model_name"], metadata["finish_reason"], metadata["model_provider"])
        ```
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    # None by default: LangChain takes False for "do not stream", and a copy made from a dump passes every value
    streaming: bool | None = Field(
        default=None, description="True: `invoke` reads a stream. False: `stream` makes a request that does not stream."
    )

    if not TYPE_CHECKING:  # checkers read the parameters off the fields

        def __init__(self, /, *args, **data):
            """Check every value. Raises: OxenConfigError."""
            with LangChainErrors():
                try:
                    super().__init__(*args, **data)
                finally:  # a traceback shows this frame, and the key with it
                    args = ()
                    data.clear()

    # -- the four roads ----------------------------------------------------------------------

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with LangChainErrors():
            request = self._request(messages, stop, kwargs)
            return _result(client_for(self).send(request))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with LangChainErrors():
            request = await self._arequest(messages, stop, kwargs)
            return _result(await async_client_for(self).send(request))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with LangChainErrors():
            request = self._request(messages, stop, kwargs, stream=True)
            with closing(client_for(self).stream(request)) as pieces:
                for piece in pieces:
                    for chunk in from_chunk(piece):
                        if run_manager:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with LangChainErrors():
            request = await self._arequest(messages, stop, kwargs, stream=True)
            async with aclosing(async_client_for(self).stream(request)) as pieces:
                async for piece in pieces:
                    for chunk in from_chunk(piece):
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    def _stream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """The events of `stream_events(version="v3")`; core looks this hook up by its name."""
        with LangChainErrors():
            request = self._request(messages, stop, kwargs, stream=True)
            events = EventStream(_message_id(run_manager), request.model)
            with closing(client_for(self).stream(request)) as pieces:
                for piece in pieces:
                    yield from events.feed(piece)

    async def _astream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """The same, awaited."""
        with LangChainErrors():
            request = await self._arequest(messages, stop, kwargs, stream=True)
            events = EventStream(_message_id(run_manager), request.model)
            async with aclosing(async_client_for(self).stream(request)) as pieces:
                async for piece in pieces:
                    for event in events.feed(piece):
                        yield event

    def _request(
        self, messages: list[BaseMessage], stop: list[str] | None, call: dict[str, Any], *, stream: bool = False
    ) -> Request:
        call = {name: value for name, value in call.items() if name != "stream"}  # core's own switch
        if stop is not None:
            call["stop"] = stop
        return build(self, to_wire(messages), stream=stream, call=call)

    async def _arequest(
        self, messages: list[BaseMessage], stop: list[str] | None, call: dict[str, Any], *, stream: bool = False
    ) -> Request:
        """The same request; what takes time or reads a file happens outside the event loop."""
        make = partial(self._request, messages, stop, call, stream=stream)
        return await build_off_loop(make, reads_files=counts_tokens(self, call))

    # -- tools and schemas -------------------------------------------------------------------

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Give the model tools it may call.

        Args:
            tools: Functions, pydantic classes, TypedDicts, LangChain tools, JSON schemas, or dicts
                in OpenAI's or Anthropic's form. An empty list is not sent.
            tool_choice: "auto", "none", "any" (or "required", True), a tool's name, or a dict.
            strict: Ask for arguments that fit the schema exactly, where the server can.
            parallel_tool_calls: Whether several calls may come in one answer.
            kwargs: Further parameters of the call.

        Raises:
            OxenConfigError: Something that is no tool.
        """
        with LangChainErrors():
            bound = {
                "tools": tools_to_wire(tools, strict=strict),
                "tool_choice": tool_choice_to_wire(tool_choice),
                "parallel_tool_calls": parallel_tool_calls,
            }
        return self.bind(**{name: value for name, value in bound.items() if value not in (None, [])}, **kwargs)

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Method = "function_calling",
        include_raw: bool = False,
        strict: bool | None = None,
        repair: bool = False,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Make the model answer with an object that fits a schema.

        Args:
            schema: A pydantic class (v2 or v1) or a dataclass, of which an instance comes out; a
                TypedDict, a JSON schema or an OpenAI function, of which a dict comes out.
            method: "function_calling" forces a tool call, which every tool-calling model can;
                "json_schema" and "json_mode" need a server that has them. With "json_mode" the
                prompt must describe the JSON. "auto" tries them from the strictest
                down, the prompt alone at last, and remembers for the server and the model what worked.
            include_raw: Give `{"raw", "parsed", "parsing_error"}` in place of the object alone.
            strict: Ask the server to follow the schema exactly, where it can.
            repair: If the answer does not fit, send the error to the model and ask once more.
            kwargs: Further parameters of the call.

        Raises:
            OxenConfigError: An unknown method, or an invalid schema.
            OxenStructuredOutputError: (when called) the answer does not fit; `partial` has it.
        """
        # imported by those who use it
        from langchain_oxen import structured  # noqa: PLC0415

        with LangChainErrors():
            if method not in structured.METHODS:
                raise OxenConfigError(f"method must be one of {', '.join(structured.METHODS)} (got {method!r})")
            if schema is None and method != "json_mode":
                raise OxenConfigError("schema must be given, unless method is 'json_mode'")
            wanted = structured.wanted_object(schema, strict=strict, tools=kwargs.get("tools"))
        traced = {"kwargs": {"method": method, "strict": strict}, "schema": structured.traced_schema(schema, wanted)}
        options = {**kwargs, "ls_structured_output_format": traced}
        if method == "auto" or repair:
            return structured.StructuredRunnable(
                llm=self, wanted=wanted, method=method, include_raw=include_raw, repair=repair, options=options
            )
        parser = structured.StructuredOutputParser(wanted=wanted, include_raw=include_raw)
        return self.bind(**{**wanted.parameters(method), **options}) | parser


def _result(completion: Completion) -> ChatResult:
    output = {"token_usage": token_usage(completion.usage), "model_name": completion.model}
    output = {name: value for name, value in output.items() if value}
    return ChatResult(generations=[ChatGeneration(message=from_wire(completion))], llm_output=output)


def _message_id(run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None) -> str:
    """The id core gives to messages of this run."""
    return f"{LC_ID_PREFIX}-{run_manager.run_id}" if run_manager else ""
