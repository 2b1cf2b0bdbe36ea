"""One column of the page: what is asked at the top, what comes below it."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

from langchain_core.messages import convert_to_messages
from nicegui import background_tasks, run, ui

from examples.workbench import models
from examples.workbench.answer_tab import AnswerTab
from examples.workbench.api_tab import ApiTab, snippet
from examples.workbench.form import Form
from examples.workbench.run import Run, chat_of, messages_of, tools_of
from examples.workbench.state import Column, File, Turn
from langchain_oxen import ModelInfo, OxenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nicegui.events import UploadEventArguments

LARGEST_FILE = 24 * 1024 * 1024
"""Bytes; what the API takes for a PDF."""


class ColumnView:
    """Draws one column, and runs it."""

    def __init__(
        self,
        column: Column,
        connection: dict[str, Any],
        served: dict[str, ModelInfo],
        changed: Callable[[], None],
        close: Callable[[ColumnView], None],
    ) -> None:
        self.column, self.run = column, Run()
        self._connection, self._served, self._changed, self._close = connection, served, changed, close
        self._task: asyncio.Task[None] | None = None
        self._build()

    @property
    def info(self) -> ModelInfo | None:
        """What the catalogue says about the column's model."""
        return self._served.get(self.column.model)

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Run the request as it stands; a run that goes on already is left alone."""
        if not self.running:
            self.run = Run()
            self._tabs.set_value("Answer")
            self._task = background_tasks.create(self.run.go(self.column, self._connection, self.info))

    def stop(self) -> None:
        """Stop, and close the upstream connection."""
        if self._task is not None:
            self._task.cancel()

    # -- building --------------------------------------------------------------------------

    def _build(self) -> None:
        column = self.column
        with ui.card().classes("wb-column w-full p-3 gap-2") as self.card:
            self.card.on("keydown.ctrl.enter", self.start).on("keydown.meta.enter", self.start)
            self._build_picker()
            system = ui.textarea("System", value=column.system).props("autogrow outlined dense input-class=min-h-0")
            system.classes("wb-system w-full").on_value_change(lambda event: self._put("system", event.value))
            self._system = system
            self._turns = ui.column().classes("w-full gap-2")
            self._draw_turns()
            with ui.expansion("Parameters").classes("wb-parameters w-full").props("dense") as self._parameters:
                self._form = ui.column().classes("w-full gap-1")
            with ui.expansion("Tools").classes("wb-tools w-full").props("dense"):
                tools = ui.textarea("JSON list of functions, in OpenAI's form", value=column.tools)
                tools.props("autogrow outlined dense input-class=font-mono").classes("w-full")
                tools.on_value_change(lambda event: self._put("tools", event.value))
            self._files = ui.column().classes("w-full gap-1")
            self._draw_model()
            with ui.row().classes("w-full items-center gap-2"):
                run_button = ui.button("Run", icon="play_arrow", on_click=self.start)
                run_button.classes("wb-run").props("dense").tooltip("Ctrl+Enter")
                ui.button("Stop", icon="stop", on_click=self.stop).classes("wb-stop").props("dense outline")
                self._tokens = ui.label().classes("wb-tokens text-xs opacity-70")
            self._build_result()

    def _build_picker(self) -> None:
        with ui.row().classes("w-full items-start no-wrap gap-1"):
            self._picker = ui.select(
                models.options(self._served, self.column.model),
                value=self.column.model,
                label="Model",
                with_input=True,
                new_value_mode="add-unique",
            )
            self._picker.classes("wb-model grow").props("dense outlined options-dense").on_value_change(
                lambda event: self._choose(event.value)
            )
            ui.button(icon="close", on_click=lambda: self._close(self)).props('flat dense aria-label="Remove column"')
        self._summary = ui.label().classes("wb-summary text-xs opacity-70")

    def _build_result(self) -> None:
        with ui.tabs().props("dense align=left").classes("w-full") as self._tabs:
            ui.tab("Answer")
            ui.tab("API")
        with ui.tab_panels(self._tabs, value="Answer", animated=False, keep_alive=True).classes(
            "w-full bg-transparent"
        ):
            with ui.tab_panel("Answer").classes("p-0 gap-2"):
                self._answer = AnswerTab(self._reply)
            with ui.tab_panel("API").classes("p-0"):
                self._api = ApiTab()

    def _draw_turns(self) -> None:
        self._turns.clear()
        with self._turns:
            for turn in self.column.turns:
                with ui.row().classes("w-full items-start no-wrap gap-1"):
                    area = ui.textarea(turn.role.capitalize(), value=turn.content).props("autogrow outlined dense")
                    area.classes(f"wb-{turn.role} grow").on_value_change(
                        lambda event, turn=turn: self._put("content", event.value, turn)
                    )
                    if len(self.column.turns) > 1:
                        remove = ui.button(icon="close", on_click=lambda turn=turn: self._remove_turn(turn))
                        remove.props('flat dense aria-label="Remove turn"')

    def _draw_model(self) -> None:
        """Everything that depends on the model."""
        self._summary.set_text(models.summary(self.info))
        self._form.clear()
        info = self.info or ModelInfo(id=self.column.model)
        with self._form:
            ui.switch("stream", value=self.column.stream).props("dense").classes("wb-stream").on_value_change(
                lambda event: self._put("stream", event.value)
            )
            Form(self.column.parameters, self._parameters_changed).build(info.parameters())
        self._accepted = models.accepted_files(info)
        self._draw_files()
        self._count_parameters()

    def _draw_files(self) -> None:
        self._files.clear()
        with self._files:
            for file in self.column.files:
                with ui.row().classes("items-center gap-1"):
                    ui.label(file.name).classes("wb-file text-xs")
                    ui.button(icon="close", on_click=lambda file=file: self._remove_file(file)).props("flat dense")
            if self._accepted:
                with ui.expansion("Image or PDF").classes("wb-upload w-full").props("dense"):
                    upload = ui.upload(on_upload=self._add_file, auto_upload=True, max_file_size=LARGEST_FILE)
                    upload.props(f'accept="{",".join(self._accepted)}" flat bordered').classes("w-full")

    # -- what the user does ------------------------------------------------------------------

    def _put(self, name: str, value: Any, target: Turn | None = None) -> None:
        setattr(target or self.column, name, value if value is not None else "")
        self._changed()

    def _choose(self, model: str | None) -> None:
        if model and model != self.column.model:
            self.column.model = model.strip()
            self._draw_model()
            self._changed()

    def _parameters_changed(self) -> None:
        self._count_parameters()
        self._changed()

    def _count_parameters(self) -> None:
        count = len(self.column.parameters)
        self._parameters.set_text(f"Parameters ({count} changed)" if count else "Parameters")

    def _reply(self) -> None:
        """The answer becomes a turn, and the user has the word again."""
        if self.run.text and not self.running:
            self.column.turns += [Turn(role="assistant", content=self.run.text), Turn()]
            self._draw_turns()
            self._changed()

    def _remove_turn(self, turn: Turn) -> None:
        self.column.turns = [each for each in self.column.turns if each is not turn]
        self._draw_turns()
        self._changed()

    async def _add_file(self, event: UploadEventArguments) -> None:
        content = base64.b64encode(await event.file.read()).decode()
        try:
            self.column.files.append(File(name=event.file.name, url=f"data:{event.file.content_type};base64,{content}"))
        except ValueError:
            ui.notify(f"{event.file.name} is neither an image nor a PDF", type="negative")
        self._draw_files()
        self._changed()

    def _remove_file(self, file: File) -> None:
        self.column.files = [each for each in self.column.files if each is not file]
        self._draw_files()
        self._changed()

    def fill(self, system: str, user: str) -> None:
        """Begin anew with a preset."""
        self.column.turns = [Turn(content=user)]
        self._system.set_value(system)
        self._draw_turns()
        self._changed()

    # -- drawing -----------------------------------------------------------------------------

    def show_served(self, served: dict[str, ModelInfo]) -> None:
        """The catalogue has come."""
        self._served = served
        self._picker.set_options(models.options(served, self.column.model), value=self.column.model)
        self._draw_model()

    def draw_run(self) -> None:
        """Draw what came since the last time."""
        self._answer.draw(self.run)

    async def draw_request(self) -> None:
        """The API tab and the tokens of the prompt, after a change."""
        column = self.column.model_copy(deep=True)

        def make(style: str, variant: str) -> str:
            chat = chat_of(column, self._connection)
            return snippet(chat, messages_of(column), style, variant, stream=column.stream)

        self._api.show(make)
        counted = await run.io_bound(self._count, column)
        self._tokens.set_text(counted or "")

    def _count(self, column: Column) -> str:
        try:
            chat = chat_of(column.model_copy(update={"tools": ""}), self._connection)
            messages = convert_to_messages(messages_of(column))
            tokens = chat.get_num_tokens_from_messages(messages, tools=tools_of(column))
        except (OxenError, ValueError):
            return ""
        try:
            chat.get_token_ids("x")
        except (OxenError, ImportError):
            return f"about {tokens:,} tokens"
        return f"{tokens:,} tokens"
