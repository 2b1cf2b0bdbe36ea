"""`Oxen`: Oxen's chat models in LlamaIndex."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW, DEFAULT_NUM_OUTPUTS
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool
from pydantic import ConfigDict, Field, model_validator

from _oxen_transport import async_client_for, client_for
from _oxen_transport.catalogue import window_of
from _oxen_transport.model import OxenModelMixin
from _oxen_transport.request.build import Request, build, build_off_loop, counts_tokens
from _oxen_transport.settings.docs import documented
from llama_index_oxen.entry_points import answers_chat, answers_prompt, without_span
from llama_index_oxen.messages import from_wire, reads_files, to_wire
from llama_index_oxen.snippets import SnippetsMixin
from llama_index_oxen.stream import Snapshots
from llama_index_oxen.structured import StructuredAnswers
from llama_index_oxen.tools import keep_first_call, name_unknown_tool, selections, tool_choice_to_wire, tools_to_wire

T = TypeVar("T")


@documented
class Oxen(SnippetsMixin, OxenModelMixin, StructuredAnswers):
    """Chat models served by Oxen.ai.

    Setup:
        Make a key at https://www.oxen.ai and put it into the environment.

        ```bash
        pip install "oxen-integrations[llama-index]"
        export OXEN_API_KEY="your-key"
        ```

    Key init args, completion:
        model (str): Id of the model, default "open-mixtral-8x22b". `Oxen().list_models()` shows all.
        temperature (float | None): Randomness, 0 to 2; Mixtral takes at most 1.5.
        max_tokens (int | None): The most tokens the answer may have.
        top_p, frequency_penalty, presence_penalty, stop, seed, logprobs, top_logprobs
            As in OpenAI's API. What is not set is not sent.
        extra_body (dict): Further fields of the request, sent as they are.
        structured_method ("function_calling" | "json_schema" | "json_mode" | "auto"): How an object is asked for;
            "auto" learns what the server understands.
        structured_repair (bool): Show the model once why its object does not fit.

    Key init args, client:
        api_key (str | None): Default: the environment's OXEN_API_KEY.
        base_url (str): Default: the environment's OXEN_BASE_URL, else Oxen.
        timeout (float): Seconds of silence before an attempt ends, default 120.
        total_timeout (float | None): Seconds for the whole call with its retries and the whole stream.
        max_retries (int): Further attempts after the first, default 2; never after an answer has begun.
        history ("repair" | "strict" | "off"): What happens to a conversation that the model's family would refuse.

    Instantiate:
        ```python
        from llama_index_oxen import Oxen

        llm = Oxen(model="open-mixtral-8x22b", temperature=0, max_retries=2)
        ```

    Complete and chat:
        ```python
        from llama_index.core.llms import ChatMessage

        print(llm.complete("The ox pulls"))
        messages = [
            ChatMessage(role="system", content="You translate English into French."),
            ChatMessage(role="user", content="The ox pulls the plough."),
        ]
        response = llm.chat(messages)
        print(response.message.content)
        ```

    Stream:
        ```python
        for response in llm.stream_chat(messages):
            print(response.delta, end="")
        ```

        Each response holds everything so far; the last one the calls and the usage, too. A stream
        that breaks off raises an error with the part that came in `.partial`.

    Async:
        ```python
        response = await llm.achat(messages)

        async for response in await llm.astream_chat(messages):
            print(response.delta, end="")
        ```

    Tool calling:
        ```python
        from llama_index.core.agent.workflow import FunctionAgent
        from llama_index.core.tools import FunctionTool

        def get_weather(city: str) -> str:
            '''The weather in a city.'''
            return f"sunny in {city}"

        tool = FunctionTool.from_defaults(get_weather)
        response = llm.chat_with_tools([tool], "What is the weather in 'Paris'?")
        for call in llm.get_tool_calls_from_response(response):
            print(call.tool_name, call.tool_kwargs)

        agent = FunctionAgent(tools=[get_weather], llm=llm)
        answer = await agent.run(user_msg="What is the weather in 'Paris'?")
        ```

        Arguments that are not a whole JSON object are never run: they raise `OxenToolCallError`.

    Structured output:
        ```python
        from llama_index.core.prompts import PromptTemplate
        from pydantic import BaseModel, Field

        class Joke(BaseModel):
            '''A joke.'''

            setup: str = Field(description="the question")
            punchline: str = Field(description="the answer")

        joke = llm.structured_predict(Joke, PromptTemplate("Tell me a joke about {topic}."), topic="oxen")
        ```

        An answer that does not fit raises `OxenStructuredOutputError` with the answer in `.partial`.

    Token usage:
        ```python
        response = llm.chat(messages)
        usage = (response.raw or {})["usage"]
        print(usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"])
        ```

        The price of an answer in US dollars, by the list price of the catalogue:

        ```python
        cost = llm.get_model().cost(usage)
        ```

    Response metadata:
        ```python
        metadata = llm.chat(messages).additional_kwargs
        print(metadata["model_name"], metadata["finish_reason"])
        ```
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    streaming: bool = Field(default=False, description="`chat` reads a stream, and returns the whole answer.")

    if not TYPE_CHECKING:  # checkers read the parameters off the fields

        def __init__(self, /, *args, **data):
            """Check every value. Raises: OxenConfigError."""
            try:
                super().__init__(*args, **data)
            finally:  # a traceback shows this frame, and the key with it
                args = ()
                data.clear()

    @model_validator(mode="before")
    @classmethod
    def _without_class_name(cls, data: Any) -> Any:
        """Core's dumps carry their class's name, which is not a parameter."""
        return {name: value for name, value in data.items() if name != "class_name"} if isinstance(data, dict) else data

    @classmethod
    def class_name(cls) -> str:
        """The type's tag in dumps."""
        return "Oxen_LLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What the model can do, from packaged data: read often, never a request, never an error."""
        return LLMMetadata(
            context_window=window_of(self) or DEFAULT_CONTEXT_WINDOW,
            num_output=self.max_tokens if isinstance(self.max_tokens, int) else DEFAULT_NUM_OUTPUTS,
            is_chat_model=True,
            is_function_calling_model=True,
            model_name=self.model,
        )

    # -- entry points: each call is one event, one permit of the rate limiter, one count ------

    @answers_chat
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation. Raises: OxenError."""
        return self._chat(messages, **kwargs)

    @answers_chat
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer a conversation piece by piece; each piece holds everything so far. Raises: OxenError."""
        return self._stream_chat(messages, **kwargs)

    @answers_chat
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Async version of `chat`."""
        return await self._achat(messages, **kwargs)

    @answers_chat
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Async version of `stream_chat`."""
        return await self._astream_chat(messages, **kwargs)

    @answers_prompt
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer one prompt. Raises: OxenError."""
        return _completion(self._chat(self._prompt(prompt, formatted), **kwargs))

    @answers_prompt
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Answer one prompt piece by piece. Raises: OxenError."""
        return _each(self._stream_chat(self._prompt(prompt, formatted), **kwargs), _completion)

    @answers_prompt
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Async version of `complete`."""
        return _completion(await self._achat(self._prompt(prompt, formatted), **kwargs))

    @answers_prompt
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Async version of `stream_complete`."""
        return _aeach(await self._astream_chat(self._prompt(prompt, formatted), **kwargs), _completion)

    # -- what they do ------------------------------------------------------------------------

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        if self.streaming:
            for snapshot in self._stream_chat(messages, **kwargs):
                last = snapshot  # no others are kept: each has the whole text so far
            return last
        return from_wire(client_for(self).send(self._request(messages, kwargs)))

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        if self.streaming:
            async for snapshot in await self._astream_chat(messages, **kwargs):
                last = snapshot
            return last
        return from_wire(await async_client_for(self).send(await self._arequest(messages, kwargs)))

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        request = self._request(messages, kwargs, stream=True)

        def snapshots() -> ChatResponseGen:
            so_far = Snapshots()
            with closing(client_for(self).stream(request)) as pieces:
                for piece in pieces:
                    yield so_far.feed(piece)

        return snapshots()

    async def _astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        request = await self._arequest(messages, kwargs, stream=True)

        async def snapshots() -> ChatResponseAsyncGen:
            so_far = Snapshots()
            async with aclosing(async_client_for(self).stream(request)) as pieces:
                async for piece in pieces:
                    yield so_far.feed(piece)

        return snapshots()

    def _request(self, messages: Sequence[ChatMessage], call: dict[str, Any], *, stream: bool = False) -> Request:
        return build(self, to_wire(messages), stream=stream, call=call)

    async def _arequest(
        self, messages: Sequence[ChatMessage], call: dict[str, Any], *, stream: bool = False
    ) -> Request:
        """The same request; what takes time or reads a file happens outside the event loop."""
        make = partial(self._request, messages, call, stream=stream)
        return await build_off_loop(make, reads_files=counts_tokens(self, call) or reads_files(messages))

    def _prompt(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        if not formatted and self.completion_to_prompt:
            prompt = self.completion_to_prompt(prompt)
        return [ChatMessage(role=MessageRole.USER, content=prompt)]

    # -- tools -------------------------------------------------------------------------------

    def _prepare_chat_with_tools(  # noqa: PLR0913, PLR0917 - core's signature
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The arguments of `chat` for a call with tools. The caller's history is left as it is."""
        messages = list(chat_history or [])
        if user_msg is not None:
            messages.append(user_msg if isinstance(user_msg, ChatMessage) else ChatMessage(content=user_msg))
        prepared: dict[str, Any] = {"messages": messages, **kwargs}
        if tools:
            prepared["tools"] = tools_to_wire(tools)
            prepared["tool_choice"] = tool_choice_to_wire(tool_choice, required=tool_required)
            if not allow_parallel_tool_calls:
                prepared["parallel_tool_calls"] = False
        return prepared

    def _validate_chat_with_tools_response(
        self, response: ChatResponse, tools: Sequence[BaseTool], allow_parallel_tool_calls: bool = False, **kwargs: Any
    ) -> ChatResponse:
        """The answer, with one call where several were not asked for."""
        return response if allow_parallel_tool_calls else keep_first_call(response)

    def stream_chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponseGen:
        """Stream `chat_with_tools`: one call where several were not asked for. Raises: OxenError."""
        stream = super().stream_chat_with_tools(tools, *args, **kwargs)
        return stream if _allows_several(*args, **kwargs) else _each(stream, keep_first_call)

    async def astream_chat_with_tools(
        self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Async version of `stream_chat_with_tools`."""
        stream = await super().astream_chat_with_tools(tools, *args, **kwargs)
        return stream if _allows_several(*args, **kwargs) else _aeach(stream, keep_first_call)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The calls to run. Raises: OxenToolCallError, for none, or for arguments that are cut."""
        return selections(response, error_on_no_tool_call=error_on_no_tool_call)

    def predict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> AgentChatResponse:
        """Let the model call a tool, and give its result. Raises: OxenToolCallError, for an unknown tool."""
        with name_unknown_tool(tools):
            return without_span(super().predict_and_call)(tools, *args, **kwargs)

    async def apredict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> AgentChatResponse:
        """Async version of `predict_and_call`."""
        with name_unknown_tool(tools):
            return await without_span(super().apredict_and_call)(tools, *args, **kwargs)

    # -- life --------------------------------------------------------------------------------

    def __getstate__(self) -> dict[Any, Any]:
        """Without secrets; from a copy, as core deletes what cannot be pickled from the very object."""
        copied = self.model_copy(update={"http_client": None, "http_async_client": None})
        return super(Oxen, copied).__getstate__()


def _completion(response: ChatResponse) -> CompletionResponse:
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs=response.additional_kwargs,
    )


def _each(stream: ChatResponseGen, make: Callable[[ChatResponse], T]) -> Generator[T, None, None]:
    with closing(stream):
        for response in stream:
            yield make(response)


async def _aeach(stream: ChatResponseAsyncGen, make: Callable[[ChatResponse], T]) -> AsyncGenerator[T, None]:
    async with aclosing(stream):
        async for response in stream:
            yield make(response)


def _allows_several(
    user_msg: Any = None,
    chat_history: Any = None,
    verbose: bool = False,
    allow_parallel_tool_calls: bool = False,
    *args: Any,
    **kwargs: Any,
) -> bool:
    """What a call of core's methods with tools says."""
    return allow_parallel_tool_calls
