"""The API tab: a column's request, as it stands, as text to copy."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from langchain_oxen import OxenError

STYLES = {
    "curl": "cURL",
    "requests": "Python (requests)",
    "openai": "openai",
    "langchain": "LangChain",
    "llama_index": "LlamaIndex",
}
VARIANTS = {"sent": "as it stands", "minimal": "minimal", "basic": "basic parameters", "all": "all parameters"}
LONGEST_SHOWN = 20_000
"""Characters; what is copied is whole."""
_FORMATTER = HtmlFormatter(cssclass="codehilite", wrapcode=True)


def snippet(chat: Any, messages: list[dict[str, Any]], style: str, variant: str, *, stream: bool) -> str:
    """The request of a model object, bound or not. Raises: OxenConfigError."""
    if style == "curl":
        return str(chat.to_curl(messages, stream=stream, show=variant))
    return str(chat.to_python(messages, style=style, stream=stream, show=variant))


class ApiTab:
    """`show` is called with a function that makes the text, whenever the column has changed."""

    def __init__(self) -> None:
        self.text = ""
        self._make: Any = None
        with ui.row().classes("w-full items-center gap-2"):
            self._style = ui.select(STYLES, value="curl", label="Library", on_change=self.refresh)
            self._variant = ui.select(VARIANTS, value="sent", label="Parameters", on_change=self.refresh)
            for select, name in ((self._style, "style"), (self._variant, "variant")):
                select.classes(f"wb-{name} min-w-36").props("dense options-dense")
            ui.button("Copy", icon="content_copy", on_click=self._copy).classes("wb-copy").props("dense flat")
        self._code = ui.html(sanitize=False).classes("wb-code w-full overflow-auto text-xs")

    def show(self, make: Any) -> None:
        """Show what `make(style, variant)` gives, now and when another style is chosen."""
        self._make = make
        self.refresh()

    def refresh(self) -> None:
        """Make the text anew."""
        if self._make is None:
            return
        try:
            self.text = self._make(self._style.value, self._variant.value)
        except OxenError as error:
            self.text = ""
            self._code.set_content(_colored(f"# {error}", "text"))
            return
        left_out = len(self.text) - LONGEST_SHOWN
        shown = (
            self.text if left_out <= 0 else f"{self.text[:LONGEST_SHOWN]}\n… {left_out:,} more characters are copied"
        )
        self._code.set_content(_colored(shown, "bash" if self._style.value == "curl" else "python"))

    def _copy(self) -> None:
        if self.text:
            ui.clipboard.write(self.text)
            ui.notify("Copied; the key is read from OXEN_API_KEY where it runs.")


def _colored(text: str, language: str) -> str:
    """HTML; everything is escaped."""
    return highlight(text, get_lexer_by_name(language), _FORMATTER)
