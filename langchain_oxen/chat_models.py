"""`ChatOxen`: Oxen's chat models in LangChain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.utils import LC_ID_PREFIX
from pydantic import ConfigDict, Field

from _oxen_transport import async_client_for, client_for
from _oxen_transport.request.build import Request, build, build_off_loop, counts_tokens
from _oxen_transport.settings.docs import documented
from _oxen_transport.types import Completion
from langchain_oxen._base import BaseChatOxen
from langchain_oxen.errors import LangChainErrors
from langchain_oxen.messages import from_wire, to_wire, token_usage
from langchain_oxen.stream import from_chunk

_Run = CallbackManagerForLLMRun | None
_AsyncRun = AsyncCallbackManagerForLLMRun | None


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
        model (str): Id of the model, default "open-mixtral-8x22b". `ChatOxen().list_models()` shows all.
        temperature (float | None): Randomness, 0 to 2; Mixtral takes at most 1.5.
        max_tokens (int | None): The most tokens the answer may have.
        top_p, frequency_penalty, presence_penalty, stop, seed, logprobs, top_logprobs
            As in OpenAI's API. What is not set is not sent.
        extra_body (dict): Further fields of the request, sent as they are.

    Key init args, client:
        api_key (str | None): Default: the environment's OXEN_API_KEY.
        base_url (str): Default: the environment's OXEN_BASE_URL, else Oxen.
        timeout (float): Seconds of silence before an attempt ends, default 120.
        total_timeout (float | None): Seconds for the whole call with its retries and the whole stream.
        max_retries (int): Further attempts after the first, default 2; never after an answer has begun.
        history ("repair" | "strict" | "off"): What happens to a conversation that the model's family would refuse.

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

        Arguments that are not a whole JSON object are in `message.invalid_tool_calls`, with the raw text.

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
        if usage := message.usage_metadata:
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

    # -- entry points that LangChain calls ---------------------------------------------------

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: _Run = None, **kwargs: Any
    ) -> ChatResult:
        with LangChainErrors():
            request = self._request(messages, stop, kwargs)
            return _result(client_for(self).send(request))

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: _AsyncRun = None, **kwargs: Any
    ) -> ChatResult:
        with LangChainErrors():
            request = await self._arequest(messages, stop, kwargs)
            return _result(await async_client_for(self).send(request))

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: _Run = None, **kwargs: Any
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
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: _AsyncRun = None, **kwargs: Any
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
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: _Run = None, **kwargs: Any
    ) -> Iterator[Any]:
        """The events of `stream_events(version="v3")`; core looks this hook up by its name."""
        from langchain_oxen.events import EventStream  # noqa: PLC0415 - few programs ask for them

        with LangChainErrors():
            request = self._request(messages, stop, kwargs, stream=True)
            events = EventStream(_message_id(run_manager), request.model)
            with closing(client_for(self).stream(request)) as pieces:
                for piece in pieces:
                    yield from events.feed(piece)

    async def _astream_chat_model_events(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: _AsyncRun = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        from langchain_oxen.events import EventStream  # noqa: PLC0415 - as above

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
        if stop is not None:  # what is passed to the call replaces what is bound
            call.pop("stop_sequences", None)
            call["stop"] = stop
        return build(self, to_wire(messages), stream=stream, call=call)

    async def _arequest(
        self, messages: list[BaseMessage], stop: list[str] | None, call: dict[str, Any], *, stream: bool = False
    ) -> Request:
        """The same request; what takes time or reads a file happens outside the event loop."""
        make = partial(self._request, messages, stop, call, stream=stream)
        return await build_off_loop(make, reads_files=counts_tokens(self, call))


def _result(completion: Completion) -> ChatResult:
    output = {"token_usage": token_usage(completion.usage), "model_name": completion.model}
    output = {name: value for name, value in output.items() if value}
    return ChatResult(generations=[ChatGeneration(message=from_wire(completion))], llm_output=output)


def _message_id(run_manager: _Run | _AsyncRun) -> str:
    return f"{LC_ID_PREFIX}-{run_manager.run_id}" if run_manager else ""
