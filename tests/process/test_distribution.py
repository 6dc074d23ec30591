"""The wheel and the sdist: built without a network, holding us alone, running anywhere."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from functools import partial
from importlib.metadata import distribution, version
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from tests.helpers.made_once import made_once

ROOT = Path(__file__).parents[2]
NAME = "provider-status-tracker"
LEFT_OUT = {"__pycache__", ".pyc"}


def build(source: Path, target: Path, kind: str) -> Path:
    """One distribution of a source tree, by the backend that pip calls."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    (built,) = target.iterdir()
    return built


def built_once(factory: pytest.TempPathFactory, kind: str) -> Path:
    """Return this checkout's, which one worker of the suite builds."""
    (built,) = made_once(factory, kind, lambda target: build(ROOT, target, kind)).iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_once(tmp_path_factory, "wheel")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_once(tmp_path_factory, "sdist")


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def sources() -> set[str]:
    """Every file of the two packages, code and data."""
    return {
        str(file.relative_to(ROOT))
        for package in ("tracker", "api")
        for file in (ROOT / package).rglob("*")
        if file.is_file() and not any(part in str(file) for part in LEFT_OUT)
    }


def test_the_wheel_holds_both_packages_whole_and_nothing_else(wheel: Path) -> None:
    shipped = {name for name in names(wheel) if ".dist-info/" not in name}
    assert shipped == sources()
    for data in (
        "tracker/config/catalogue.toml",
        "tracker/py.typed",
        "tracker/store/migrations/0001_checks.sql",
        "api/dashboard/index.html",
        "api/dashboard/vendor/uPlot.min.js",
        "api/docs_page/page.html.jinja",
        "api/plain_page/page.html.jinja",
    ):
        assert data in shipped


def test_the_wheel_installs_no_foreign_top_level_name(wheel: Path) -> None:
    tops = {name.split("/", maxsplit=1)[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tracker", "api"}


def base_requirements(metadata: str) -> set[str]:
    """What an installation without any extra needs."""
    needed = [Requirement(one) for one in re.findall(r"Requires-Dist: (.+)", metadata)]
    return {one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})}


def test_the_metadata_says_what_a_user_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = archive.read(f"{info}/METADATA").decode()
        scripts = archive.read(f"{info}/entry_points.txt").decode()
    assert f"Name: {NAME}\n" in metadata
    assert "Requires-Python: >=3.11\n" in metadata
    assert {"server", "alerts", "testing"} <= set(re.findall(r"Provides-Extra: (.+)", metadata))
    assert base_requirements(metadata) == {"httpx", "anyio", "attrs", "msgspec"}
    assert "provider-status = api.cli:main" in scripts
    assert f"{info}/licenses/LICENSE" in names(wheel)


def test_a_wheel_built_from_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    for file in ("README.md", "LICENSE", "CHANGELOG.md", "Makefile", "deploy/Dockerfile"):
        assert (source / file).is_file()
    assert (source / "tests" / "process" / "test_distribution.py").is_file()
    again = build(source, tmp_path / "again", "wheel")
    assert names(again) == names(wheel)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in an environment of its own; its requirements are borrowed from this one."""
    return made_once(tmp_path_factory, "installed", partial(install, wheel))


def install(wheel: Path, home: Path) -> None:
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*pip, *quiet, str(wheel)], check=True, timeout=120)
    site = next(home.glob("lib/python*/site-packages"))
    # A .pth of a folder does not read the .pth files in it: an editable install stays out.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")


@pytest.fixture(scope="module")
def client_alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what its base needs, and nothing else."""
    return made_once(tmp_path_factory, "client_alone", partial(install_client, wheel))


def install_client(wheel: Path, home: Path) -> None:
    venv.create(home, with_pip=False)
    site = next(home.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        needed = base_requirements(archive.read(f"{info}/METADATA").decode())
    for package in all_needed(needed):
        link_package(package, site)


def all_needed(names: set[str]) -> set[str]:
    """Names, and what their own bases need in turn."""
    found: set[str] = set()
    while more := names - found:
        found |= more
        for name in more:
            wanted = "".join(f"Requires-Dist: {one}\n" for one in distribution(name).requires or ())
            names = names | base_requirements(wanted)
    return found


def link_package(name: str, site: Path) -> None:
    """Borrow an installed package from this environment."""
    for top in {file.parts[0] for file in distribution(name).files or ()} - {"..", "__pycache__"}:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(distribution(name).locate_file(top))))


def test_the_client_needs_nothing_of_the_tracker(client_alone: Path, tmp_path: Path) -> None:
    code = (
        "from tracker.client import ProviderStatusClient as Client\n"
        "with Client('http://127.0.0.1:1', static_order=['b', 'a']) as client:\n"
        "    print(client.get_healthiest_provider(candidates=['a', 'b']))"
    )
    assert run(client_alone, tmp_path, "python", "-c", code) == "b\n"


@pytest.mark.parametrize(
    "code", ["from api.cli import main; main()", "from tracker import run_tracker"]
)
def test_the_tracker_says_which_extra_it_needs(
    client_alone: Path, tmp_path: Path, code: str
) -> None:
    done = subprocess.run(
        [client_alone / "bin" / "python", "-c", code],
        cwd=tmp_path,
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (2 if "main" in code else 1)
    assert "pip install 'provider-status-tracker[server]'" in done.stderr.splitlines()[-1]


@pytest.mark.needs_program("make")
def test_make_repairs_an_incomplete_environment(tmp_path: Path) -> None:
    """The interpreter is a stand-in: no package is installed here."""
    home = tmp_path / "venv"
    (home / "bin").mkdir(parents=True)
    write_program(home / "bin" / "python", "exit 1")  # as one without pip
    maker = write_program(
        tmp_path / "python", f'echo "$@" >> made; printf "#!/bin/sh\\n" > {home}/bin/python'
    )
    goal = ["make", "-f", str(ROOT / "Makefile"), f"{home}/run", f"VENV={home}", f"PYTHON={maker}"]
    for name in ("requirements/run.lock", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(goal, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "made").read_text() == f"-m venv --clear {home}\n"
    assert (home / "run").exists()


def write_program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "tracker.toml").write_text("[tracker]\ndiscover = false\n")
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def environ(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder)}


def run(installed: Path, folder: Path, *command: str) -> str:
    program, *rest = command
    return subprocess.run(
        [installed / "bin" / program, *rest],
        cwd=folder,
        env=environ(folder),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def test_the_installed_package_is_the_one_that_runs(installed: Path, elsewhere: Path) -> None:
    code = "import api, tracker; print(tracker.__file__); print(api.__file__)"
    found = run(installed, elsewhere, "python", "-c", code).splitlines()
    assert [Path(line).is_relative_to(installed) for line in found] == [True, True]


def test_no_other_distribution_contains_our_packages(installed: Path, elsewhere: Path) -> None:
    code = (
        "from importlib.metadata import packages_distributions\n"
        "owners = packages_distributions()\n"  # it reads what every package installed
        "print({package: set(owners[package]) for package in ('tracker', 'api')})"
    )
    found = run(installed, elsewhere, "python", "-c", code).strip()
    assert found == str({"tracker": {NAME}, "api": {NAME}})


def test_the_command_runs_from_any_folder(installed: Path, elsewhere: Path) -> None:
    assert run(installed, elsewhere, "provider-status", "--version") == f"{version(NAME)}\n"
    assert '"groq"' in run(installed, elsewhere, "provider-status", "providers", "--json")


def test_every_page_is_served_from_the_installed_files(installed: Path, elsewhere: Path) -> None:
    process = subprocess.Popen(
        [installed / "bin" / "provider-status", "serve", "--port", "0"],
        cwd=elsewhere,
        env=environ(elsewhere),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        with httpx.Client(base_url=process.stdout.readline().strip(), timeout=30) as client:
            for path in ("/", "/docs", "/openapi.json", "/api/providers/status", "/metrics"):
                assert (path, client.get(path).status_code) == (path, 200)
        process.terminate()
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert (elsewhere / "provider_status.db").is_file()
