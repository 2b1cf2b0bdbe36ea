"""The commands of `oxen-llm`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from _oxen_transport import __version__
from _oxen_transport.catalogue import ModelInfo
from _oxen_transport.cli import show
from _oxen_transport.cli.doctor import Doctor
from _oxen_transport.errors import OxenError
from _oxen_transport.model import OxenCatalogue
from _oxen_transport.settings import DEFAULT_MODEL, OxenSettings

app = typer.Typer(
    name="oxen-llm",
    help="What Oxen serves, and why a call to it fails. The key is read from OXEN_API_KEY or the Oxen login file.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

BaseUrl = Annotated[str | None, typer.Option("--base-url", help="Where the API is. Default: OXEN_BASE_URL, else Oxen.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def run() -> None:
    """Run the command with the arguments of this process; ends it with an exit code."""
    try:
        app()
    except OxenError as error:
        Console(stderr=True, soft_wrap=True, markup=False, highlight=False).print(f"error: {error}")
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """The options of the command itself."""


@app.command()
def doctor(
    model: Annotated[str, typer.Option(help="The model to ask.")] = DEFAULT_MODEL,
    base_url: BaseUrl = None,
    timeout: Annotated[float, typer.Option(help="Seconds that each step may take.", min=0.1)] = 15.0,
    call: Annotated[bool, typer.Option(help="Whether to ask the model: costs some tens of tokens.")] = True,
    as_json: AsJson = False,
) -> None:
    """Check versions, key, network, certificates, clock, catalogue and a call; say how to cure what is wrong."""
    console = show.console()
    findings = []
    for finding in Doctor(model=model, base_url=base_url, timeout=timeout, calls=call).findings():
        findings.append(finding)
        if not as_json:
            show.finding(console, finding)
    if as_json:
        typer.echo(json.dumps([finding._asdict() for finding in findings], indent=1, ensure_ascii=False))
    if any(finding.status == "failure" for finding in findings):
        raise typer.Exit(1)


@app.command()
def models(
    search: Annotated[str | None, typer.Argument(help="Words that the id, name or developer must have.")] = None,
    developer: Annotated[str | None, typer.Option(help="Only models of this developer.")] = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """List the models that are served."""
    catalogue = OxenCatalogue(**_given(base_url=base_url))
    found = catalogue.search_models(search) if search else catalogue.list_models(developer=developer)
    if search and developer:
        found = [one for one in found if developer.lower() in (one.developer or "").lower()]
    if as_json:
        typer.echo(json.dumps([one.raw for one in found], indent=1, ensure_ascii=False))
    else:
        show.models(show.console(), found)


@app.command()
def model(
    model_id: Annotated[str, typer.Argument(metavar="ID", help="The model's id.")],
    curl: Annotated[bool, typer.Option("--curl", help="Print a request as cURL command, and nothing else.")] = False,
    python: Annotated[bool, typer.Option("--python", help="Print a request as Python, and nothing else.")] = False,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show one model: details, parameters, prices, and how to ask it."""
    if curl or python:
        _print_request(model_id, base_url, python=python)
        return
    found: ModelInfo = OxenCatalogue(**_given(base_url=base_url)).get_model(model_id)
    if as_json:
        typer.echo(json.dumps(found.raw, indent=1, ensure_ascii=False))
    else:
        show.model(show.console(), found)


def _print_request(model_id: str, base_url: str | None, *, python: bool) -> None:
    from _oxen_transport.request.build import build  # noqa: PLC0415 - only for this
    from _oxen_transport.request.snippets import SentRequest  # noqa: PLC0415

    settings = OxenSettings(model=model_id, api_key="$OXEN_API_KEY", **_given(base_url=base_url))
    sent = SentRequest.of(build(settings, [{"role": "user", "content": "What does the ox do?"}]))
    typer.echo(sent.to_python() if python else sent.to_curl())


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
