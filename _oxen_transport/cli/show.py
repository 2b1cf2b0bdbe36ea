"""How results are printed: tables and colours on a terminal, one line with tabs for each row elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from _oxen_transport.catalogue import ModelInfo
    from _oxen_transport.cli.finding import Finding

_MARKS = {"ok": "[green]ok[/]     ", "warning": "[yellow]warning[/]", "failure": "[red]failure[/]"}


def console() -> Console:
    """Standard output; rich leaves colours out if it is not a terminal, or if NO_COLOR is set."""
    return Console(soft_wrap=True, highlight=False)


def finding(out: Console, one: Finding) -> None:
    """A line of the doctor, with the cure below it."""
    out.print(f"{_MARKS[one.status]}  {one.name}: {escape(one.text)}")
    if one.cure:
        out.print(f"         → {escape(one.cure)}")


def models(out: Console, found: list[ModelInfo]) -> None:
    """All models, one a row."""
    head = ("id", "developer", "window", "price", "status")
    rows = [(one.id, one.developer or "", _window(one), price(one), ", ".join(one.deployments)) for one in found]
    if not out.is_terminal:
        for row in rows:
            typer.echo("\t".join(row))  # rich would make spaces of the tabs
        return
    table = Table(*head, box=None)
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)


def model(out: Console, one: ModelInfo) -> None:
    """One model, with its parameters."""
    facts = {
        "id": one.id,
        "name": one.display_name,
        "developer": one.developer,
        "about": one.description,
        "window": _window(one),
        "longest answer": str(one.max_output_tokens or ""),
        "reads": ", ".join(one.input_types),
        "writes": ", ".join(one.output_types),
        "price": price(one),
        "endpoint": one.endpoint,
        "deployments": ", ".join(one.deployments),
        "made from": one.source_model,
    }
    for name, value in facts.items():
        if value:
            out.print(f"{name}: {value}", markup=False)
    out.print("parameters:")
    for parameter in one.parameters():
        bounds = [("from", parameter.minimum), ("to", parameter.maximum), ("default", parameter.default)]
        limits = [f"{word} {value:g}" for word, value in bounds if isinstance(value, (int, float))]
        if parameter.choices:
            limits.append("one of " + ", ".join(map(str, parameter.choices)))
        out.print(f"  {parameter.name} ({parameter.kind}) {', '.join(limits)}".rstrip(), markup=False)
    out.print(f"a request: oxen-llm model {one.id} --curl, or --python", markup=False)


def price(one: ModelInfo) -> str:
    """The list price, in US dollars."""
    if one.input_cost_per_token is not None and one.output_cost_per_token is not None:
        return f"{one.input_cost_per_token * 1e6:.4g} in, {one.output_cost_per_token * 1e6:.4g} out $/M tokens"
    return "" if one.cost_per_second is None else f"{one.cost_per_second:.4g} $/s"


def _window(one: ModelInfo) -> str:
    return "" if one.context_length is None else f"{one.context_length:,}"
