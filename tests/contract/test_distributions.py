"""The three distributions as an index would serve them: built, checked, and each installed alone by its name."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import venv
import zipfile
from email.message import Message
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from _oxen_transport.version import __version__

ROOT = Path(__file__).parents[2]
BY_NAME = {
    "langchain-oxen": ("oxen-integrations[langchain]", "from langchain_oxen import ChatOxen as Model"),
    "llama-index-llms-oxen": ("oxen-integrations[llama-index]", "from llama_index.llms.oxen import Oxen as Model"),
}
REPOSITORY = "https://github.com/owner/name"


def run(*command: str | Path, **environment: str) -> str:
    """A command that succeeds; what it wrote."""
    done = subprocess.run(  # noqa: S603 - our own commands
        [str(part) for part in command],
        cwd=ROOT.anchor,
        env={
            "PATH": os.environ["PATH"],
            **{k: v for k, v in os.environ.items() if k[:4] in ("PIP_", "HOME")},
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    for source in (ROOT, *(ROOT / "packaging" / name for name in BY_NAME)):
        run(*build, source, GITHUB_REPOSITORY="owner/name")
    return folder


def metadata(folder: Path, name: str) -> Message:
    wheel = folder / f"{name.replace('-', '_')}-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        return email.message_from_bytes(
            archive.read(f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info/METADATA")
        )


def test_an_index_would_take_them(wheels: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *wheels.glob("*.whl"))


@pytest.mark.parametrize("name", BY_NAME)
def test_another_name_holds_metadata_only_and_requires_the_same_version(name: str, wheels: Path) -> None:
    assert metadata(wheels, name).get_all("Requires-Dist") == [f"{BY_NAME[name][0]}=={__version__}"]
    (wheel,) = wheels.glob(f"{name.replace('-', '_')}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {path.split("/")[0] for path in archive.namelist()} == {
            f"{name.replace('-', '_')}-{__version__}.dist-info"
        }


def test_links_work_on_an_index(wheels: Path) -> None:
    page = metadata(wheels, "oxen-integrations")
    links = re.findall(r"\]\(([^)]+)\)", str(page.get_payload()))
    assert len(links) > 10
    assert [link for link in links if not link.startswith("https://")] == []
    inside = [link for link in links if link.startswith(REPOSITORY)]
    assert [link for link in inside if not (ROOT / re.split("/HEAD/", link)[1]).exists()] == []
    for name in ("oxen-integrations", *BY_NAME):
        urls = dict(line.split(", ") for line in metadata(wheels, name).get_all("Project-URL", []))
        assert {"Homepage", "Documentation", "Source", "Changelog", "Issues"} <= set(urls)


def required(requirements: list[str], extras: set[str], found: dict[str, Distribution]) -> dict[str, Distribution]:
    """What these requirements bring, as it is installed here: name -> distribution."""
    for requirement in map(Requirement, requirements):
        wanted = [requirement.marker is None or requirement.marker.evaluate({"extra": one}) for one in extras or {""}]
        name = f"{requirement.name} {sorted(requirement.extras)}"
        if any(wanted) and name not in found:
            found[name] = distribution(requirement.name)
            required(found[name].requires or [], requirement.extras, found)
    return found


def lend(lender: Distribution, site: Path) -> None:
    """Put an installed distribution into another environment: a link for each file."""
    assert lender.files, f"{lender.name} does not list its files"
    for file in lender.files:
        if ".." not in file.parts:  # commands stay where they are
            link = site / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(Path(str(lender.locate_file(file))))


@pytest.mark.parametrize("name", BY_NAME)
def test_each_name_alone_brings_a_model_that_works(name: str, wheels: Path, tmp_path: Path) -> None:
    """In an environment that holds what the name requires, and nothing else; the rest is lent by this one."""
    venv.create(tmp_path / "fresh")
    python = tmp_path / "fresh" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    extra = Requirement(BY_NAME[name][0]).extras
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for lender in required(metadata(wheels, "oxen-integrations").get_all("Requires-Dist", []), extra, {}).values():
        lend(lender, site)
    names = (name, "oxen-integrations")
    run(
        *pip,
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--find-links",
        wheels,
        *(f"{n}=={__version__}" for n in names),
    )
    run(*pip, "check")
    code = f"{BY_NAME[name][1]}; print(Model().model)"
    assert run(python, "-c", code, OXEN_API_KEY="sk-test").strip() == "open-mixtral-8x22b"
    other = "llama_index.core" if "langchain" in name else "langchain_core"
    assert run(python, "-c", f"import importlib.util as u; print(u.find_spec({other!r}))").strip() == "None"
