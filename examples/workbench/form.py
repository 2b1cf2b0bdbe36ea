"""The controls of a model's parameters. What was not changed is not sent, and each change can be taken back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Callable

    from _oxen_transport.request.parameters import Parameter

_BOOLEANS = {True: "on", False: "off"}


class Form:
    """Writes into `values`, and calls `changed` after it did."""

    def __init__(self, values: dict[str, Any], changed: Callable[[], None]) -> None:
        self._values = values
        self._changed = changed

    def build(self, parameters: list[Parameter]) -> None:
        """One row for each parameter; below them, what is set and this model does not list."""
        for parameter in parameters:
            self._row(parameter)
        for name in sorted(self._values.keys() - {each.name for each in parameters}):
            with ui.row().classes("w-full items-center no-wrap"):
                ui.label(f"{name}: {json.dumps(self._values[name])[:80]} (not listed by this model)").classes("grow")
                ui.button(icon="close", on_click=lambda name=name: self._set(name, None)).props("flat dense")

    def _row(self, parameter: Parameter) -> None:
        value = self._values.get(parameter.name)
        default = "" if parameter.default is None else f" (default {str(parameter.default)[:40]})"
        label = f"{parameter.name[:80]}{default}"
        build = {
            "number": self._number,
            "integer": self._number,
            "boolean": self._switch,
            "choice": self._choice,
        }.get(parameter.kind, self._text)
        with ui.row().classes("w-full items-center no-wrap gap-2"):
            control = build(parameter, label, value)
            control.classes(f"wb-param-{parameter.name}")
            if parameter.description:
                control.tooltip(parameter.description[:300])

    def _set(self, name: str, value: Any) -> None:
        if value is None:
            self._values.pop(name, None)
        else:
            self._values[name] = value
        self._changed()

    # -- one control for each kind ---------------------------------------------------------

    def _number(self, parameter: Parameter, label: str, value: Any) -> Any:
        whole = parameter.kind == "integer"
        value = value if isinstance(value, int | float) else None
        low, high = parameter.minimum, parameter.maximum
        field = ui.number(label, value=value, min=low, max=high, step=parameter.step, precision=0 if whole else None)
        field.props("clearable dense").classes("w-44 shrink-0")
        if low is not None and high is not None:
            start = value if value is not None else min(max(parameter.example or 0, low), high)
            slider = ui.slider(min=low, max=high, step=parameter.step or 0.01, value=start).classes("grow")
            slider.props["aria-label"] = parameter.name
            slider.on_value_change(lambda event: field.set_value(event.value))

            def follow(number: Any) -> None:
                slider.classes(
                    add="opacity-40" if number is None else "", remove="" if number is None else "opacity-40"
                )
                if number is not None and low <= number <= high:
                    slider.set_value(number)

            follow(value)
            field.on_value_change(lambda event: follow(event.value))
        field.on_value_change(
            lambda event: self._set(
                parameter.name, int(event.value) if whole and event.value is not None else event.value
            )
        )
        return field

    def _switch(self, parameter: Parameter, label: str, value: Any) -> Any:
        """Three states: not sent, on, off."""
        switch = ui.switch(label, value=value if isinstance(value, bool) else None)
        switch.props("toggle-indeterminate" if value is None else "")
        switch.on_value_change(lambda event: self._set(parameter.name, event.value))
        ui.button("not sent", on_click=lambda: switch.set_value(None)).props("flat dense size=sm")
        return switch

    def _choice(self, parameter: Parameter, label: str, value: Any) -> Any:
        options = {json.dumps(choice): str(choice) for choice in parameter.choices}
        chosen = json.dumps(value) if value is not None and json.dumps(value) in options else None
        select = ui.select(options, label=label, value=chosen, clearable=True).props("dense").classes("grow")
        select.on_value_change(
            lambda event: self._set(parameter.name, None if event.value is None else json.loads(event.value))
        )
        return select

    def _text(self, parameter: Parameter, label: str, value: Any) -> Any:
        """Text as it is, texts one a line, and whatever else as JSON."""
        hint = {"texts": "one a line", "json": "as JSON"}.get(parameter.kind, "")
        shown = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        if parameter.kind == "texts" and isinstance(value, list):
            shown = "\n".join(map(str, value))

        def problem(text: str | None) -> str | None:
            try:
                _parsed(parameter.kind, text or "")
            except ValueError as error:
                return f"not JSON, and not sent: {error}"
            return None

        def take(text: str | None) -> None:
            self._set(parameter.name, None if problem(text) else _parsed(parameter.kind, text or ""))

        area = ui.textarea(f"{label}, {hint}" if hint else label, value=shown, validation=problem)
        area.props("autogrow dense").classes("grow").on_value_change(lambda event: take(event.value))
        return area


def _parsed(kind: str, text: str) -> Any:
    if not text.strip():
        return None
    if kind == "texts":
        return [line for line in text.split("\n") if line]
    return json.loads(text) if kind == "json" else text
