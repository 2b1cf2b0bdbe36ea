"""The page: one to four columns side by side, what is done with all of them, and the difference of two answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import run, ui
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketClose

from examples.workbench import models
from examples.workbench.column import ColumnView
from examples.workbench.diff import diff
from examples.workbench.presets import PRESETS
from examples.workbench.state import MOST_COLUMNS, Column, State, StateError

if TYPE_CHECKING:
    from nicegui.events import UploadEventArguments
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from langchain_oxen import ModelInfo

LOOPBACK = "127.0.0.1"
_STYLE = """
.wb-columns { display: grid; gap: .75rem; width: 100%; align-items: start;
              grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); }
.wb-answer pre, .wb-code pre { overflow-x: auto; padding: .5rem; border-radius: .25rem; background: #8882; }
.wb-answer :is(h1, h2, h3, h4, h5, h6) { font-size: 1.15rem; line-height: 1.4; font-weight: 600; margin: .5rem 0; }
.wb-code pre { white-space: pre; font-family: ui-monospace, monospace; }
.wb-diff { white-space: pre-wrap; overflow-wrap: anywhere; }
.wb-diff del, .wb-diff ins { padding: 0 .15em; }
.wb-diff del { background: #f8514940; } .wb-diff ins { background: #2ea04340; text-decoration: none; }
"""
# no image, script or font of another host: an answer's Markdown could carry the conversation there
_POLICY = (
    b"default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
    b"connect-src 'self' ws: data:; frame-ancestors 'none'; form-action 'none'"
)


class OnlyOwnSources:
    """ASGI middleware: the page loads nothing from elsewhere, no other page frames it or talks to its server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", _POLICY)]
            await send(message)

        headers = dict(scope.get("headers", ()))
        origin = headers.get(b"origin", b"")
        if origin and origin.split(b"://")[-1] != headers.get(b"host"):  # another site's script
            forbidden = PlainTextResponse("this is another page's server", 403)
            await (WebSocketClose(1008) if scope["type"] == "websocket" else forbidden)(scope, receive, send)
            return
        await self._app(scope, receive, with_policy)


def add_page(connection: dict[str, Any]) -> None:
    """Serve the page at `/`. `connection`: arguments of the model class; a key stays in the environment."""

    @ui.page("/")
    async def index() -> None:
        ui.add_css(_STYLE)
        await ui.context.client.connected()
        link = await ui.run_javascript("window.location.hash", timeout=10)
        page = Page(connection)
        page.build(link)
        ui.run_javascript("window.addEventListener('hashchange', () => window.location.reload())")
        await page.read_catalogue()


class Page:
    """One open page."""

    def __init__(self, connection: dict[str, Any]) -> None:
        self._connection = connection
        self._served: dict[str, ModelInfo] = {}
        self._views: list[ColumnView] = []
        self._dirty = True
        self._compared: tuple[str, str] | None = None

    def build(self, link: str) -> None:
        """Draw everything, with what the link holds."""
        self._dark = ui.dark_mode(None)
        self._build_bar()
        self._notice = ui.label().classes("wb-notice w-full text-orange-700 dark:text-orange-300")
        self._columns = ui.element("div").classes("wb-columns")
        self._build_comparison()
        try:
            self._draw(State.from_link(link))
        except StateError as error:
            self._notice.set_text(str(error))
            self._draw(State())
        ui.timer(0.1, self._tick)
        ui.context.client.on_delete(self.stop_all)

    async def read_catalogue(self) -> None:
        """Read what is served, and say so if that fails: a model's id can be typed, too."""
        self._served, error = await models.catalogue(self._connection)
        if error is not None:
            self._notice.set_text(
                f"The catalogue cannot be read, so type the model's id. {error.message}. {error.advice}"
            )
        for view in self._views:
            view.show_served(self._served)
        self._dirty = True

    @property
    def state(self) -> State:
        """What the page holds."""
        return State(columns=[view.column for view in self._views])

    # -- the bar -----------------------------------------------------------------------------

    def _build_bar(self) -> None:
        with ui.row().classes("w-full items-center gap-2"):
            ui.label("Workbench").classes("text-xl")
            preset = ui.select(list(PRESETS), label="Preset", on_change=lambda event: self._fill(event.value))
            preset.classes("wb-preset min-w-40").props("dense options-dense outlined")
            ui.button("Run all", icon="play_arrow", on_click=self.run_all).classes("wb-run-all").props("dense")
            ui.button("Stop all", icon="stop", on_click=self.stop_all).classes("wb-stop-all").props("dense outline")
            self._add = ui.button("Column", icon="add", on_click=self._add_column).classes("wb-add").props("dense flat")
            ui.button("Link", icon="link", on_click=self._copy_link).classes("wb-link").props("dense flat")
            ui.button("Save", icon="download", on_click=self._save).classes("wb-save").props("dense flat")
            ui.button("Load", icon="upload", on_click=self._choose_file).classes("wb-load").props("dense flat")
            dark = ui.button(icon="contrast", on_click=self._switch_dark).classes("wb-dark").props("dense flat round")
            dark.props('aria-label="Light or dark"')

    def run_all(self) -> None:
        """Run every column."""
        for view in self._views:
            view.start()

    def stop_all(self) -> None:
        """Stop every column; also what happens when the page is closed."""
        for view in self._views:
            view.stop()

    def _fill(self, name: str) -> None:
        if name in PRESETS:
            for view in self._views:
                view.fill(*PRESETS[name])

    def _copy_link(self) -> None:
        link = self.state.to_link()
        if not link:
            ui.notify("Too much for a link: save it as a file.", type="warning")
            return
        ui.run_javascript(f"navigator.clipboard.writeText(location.origin + location.pathname + '#{link}')")
        ui.notify("Link copied. It holds everything but the key and the answers.")

    def _save(self) -> None:
        ui.download.content(self.state.to_json().encode(errors="replace"), "workbench.json")

    def _choose_file(self) -> None:
        with ui.dialog() as dialog, ui.card():
            ui.label("A saved workbench (JSON)")

            async def load(event: UploadEventArguments) -> None:
                try:
                    self._draw(State.from_json(await event.file.read()))
                except StateError as error:
                    ui.notify(str(error), type="negative")
                dialog.close()

            ui.upload(on_upload=load, auto_upload=True).props("accept=.json flat bordered").classes("wb-load-file")
        dialog.open()

    async def _switch_dark(self) -> None:
        """To the other one; at first it is as the browser wants it, which only the browser knows."""
        self._dark.set_value(not await ui.run_javascript("document.body.classList.contains('body--dark')"))

    # -- the columns ---------------------------------------------------------------------------

    def _draw(self, state: State) -> None:
        self.stop_all()
        self._columns.clear()
        self._views = []
        for column in state.columns:
            self._append(column)

    def _append(self, column: Column) -> None:
        with self._columns:
            self._views.append(ColumnView(column, self._connection, self._served, self._changed, self._remove))
        self._changed()
        self._choices()

    def _add_column(self) -> None:
        """A copy of the last one, to change one thing in it."""
        if len(self._views) < MOST_COLUMNS:
            self._append(self._views[-1].column.model_copy(deep=True))

    def _remove(self, view: ColumnView) -> None:
        if len(self._views) > 1:
            view.stop()
            self._views.remove(view)
            self._columns.remove(view.card)
            self._changed()
            self._choices()

    def _changed(self) -> None:
        self._dirty = True

    # -- two answers -----------------------------------------------------------------------------

    def _build_comparison(self) -> None:
        with ui.card().classes("wb-comparison w-full p-3 gap-2") as self._comparison:
            with ui.row().classes("items-center gap-2"):
                ui.label("Compare answer")
                self._left = ui.select({0: "1"}, value=0).classes("wb-left").props("dense")
                ui.label("with answer")
                self._right = ui.select({0: "1"}, value=0).classes("wb-right").props("dense")
            self._diff = ui.html(sanitize=False).classes("wb-diff w-full")

    def _choices(self) -> None:
        count = len(self._views)
        self._add.set_enabled(count < MOST_COLUMNS)
        self._comparison.set_visibility(count > 1)
        numbers = {index: str(index + 1) for index in range(count)}
        for select, default in ((self._left, 0), (self._right, min(1, count - 1))):
            select.set_options(numbers, value=select.value if select.value in numbers and count > 2 else default)

    async def _compare(self) -> None:
        places = (self._left.value, self._right.value)
        if len(self._views) < 2 or any(place is None or place >= len(self._views) for place in places):
            return
        chosen = [self._views[place] for place in places]
        texts = (chosen[0].run.text, chosen[1].run.text)
        if texts == self._compared or any(view.running for view in chosen):
            return
        self._compared = texts
        self._diff.set_content(await run.io_bound(diff, *texts) if all(texts) else "")

    # -- what happens ten times a second -------------------------------------------------------

    async def _tick(self) -> None:
        for view in list(self._views):
            view.draw_run()
        await self._compare()
        if self._dirty:
            self._dirty = False
            link = self.state.to_link()
            ui.run_javascript(f"window.history.replaceState(null, '', '#{link}')")
            for view in list(self._views):
                await view.draw_request()
