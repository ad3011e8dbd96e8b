"""The package is installed, editable or as a wheel, and is the same one from every folder and by every way of starting it."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKED = ("tinygan", "kernels", "pyproject.toml", "README.md", "LICENSE")
MOST = 2_000_000  # bytes of the wheel
SCRIPT = "import tinygan; from tinygan import kernels; kernels.flatten"
IMPORTED = re.compile(r"^# .*?(\S+/tinygan)/__init__\.py'?$", re.MULTILINE)  # what Python says of it when it is verbose

pytestmark = pytest.mark.skipif(not (ROOT / "kernels").is_dir(), reason="the package is built from a checkout")


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """A folder called tinygan with what a clone has of the package, and a folder beside it."""
    parent = tmp_path_factory.mktemp("parent")
    (parent / "sibling").mkdir()
    (parent / "tinygan").mkdir()
    for name in PACKED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, parent / "tinygan" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, parent / "tinygan")
    return parent / "tinygan"


@pytest.fixture(scope="session")
def built(clone, tmp_path_factory):
    """The source distribution and the wheel that are built from the clone."""
    return build(clone, tmp_path_factory.mktemp("dist"))


def build(source, folder):
    """The paths of a source distribution and a wheel of ``source``, in ``folder``."""
    pytest.importorskip("hatchling", reason="the build back end is not installed")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=source)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def run(*words, cwd):
    """What a command prints, which says nothing of this session's packages to Python."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(list(map(str, words)), cwd=cwd, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout


def contents(wheel):
    """The files of a wheel that are not about it, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_file_of_the_package_and_is_small(clone, built):
    folders = [(clone / "tinygan", "tinygan"), (clone / "kernels", "tinygan/kernels")]
    files = {f"{to}/{path.relative_to(at)}": path for at, to in folders for path in at.rglob("*") if path.is_file()}
    assert contents(built[1]) == {name.replace(os.sep, "/"): path.read_bytes() for name, path in files.items()}
    assert {Path(name).suffix for name in files} >= {".py", ".typed", ".safetensors", ".cu", ".cuh"}
    assert built[1].stat().st_size <= MOST


def test_the_source_distribution_builds_the_same_wheel(built, tmp_path):
    with tarfile.open(built[0]) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    (tmp_path / "dist").mkdir()
    assert contents(build(source, tmp_path / "dist")[1]) == contents(built[1])


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Makes environments that have what this one has, except tinygan; installs what it is given; returns their Pythons."""
    pytest.importorskip("pip")
    pytest.importorskip("hatchling", reason="the build back end is not installed")

    def make(name, *what):
        folder = tmp_path_factory.mktemp(name)
        venv.create(folder, with_pip=False)
        python = folder / "bin/python"
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "zz_of_this_session.pth").write_text(
            sysconfig.get_path("purelib") + "\n"
        )  # its .pth files are not read
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps"]
        run(*pip, "--no-build-isolation", "--ignore-installed", *what, cwd=folder)
        return python

    return make


def assert_the_same_from(folders, python, package):
    """From each folder, by each way to start it, Python imports the package that is the folder ``package``."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONVERBOSE": "1"}
    for folder in folders:
        script = folder / "script_of_a_user.py"
        script.write_text(SCRIPT)
        ways = [
            [python, "-c", SCRIPT],
            [python, script],
            [python, "-m", "tinygan", "info"],
            [python.parent / "tinygan", "info"],
        ]
        for words in ways:
            done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, errors="replace")
            assert done.returncode == 0, (folder, words, done.stderr[-500:])
            assert {Path(found).resolve() for found in IMPORTED.findall(done.stderr)} == {package.resolve()}, words
        script.unlink()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="paths of environments are other ones there")
def test_an_editable_install_of_a_clone_called_tinygan_is_found_from_everywhere(clone, environment, tmp_path):
    python = environment("editable", "-e", clone)
    folders = [clone.parent, clone.parent / "sibling", clone, clone / "tinygan", tmp_path]
    assert_the_same_from(folders, python, clone / "tinygan")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="paths of environments are other ones there")
def test_a_wheel_is_found_from_everywhere_beside_a_clone_too(clone, built, environment, tmp_path):
    python = environment("wheel", built[1])
    (site,) = python.parents[1].glob("lib/python*/site-packages")
    assert_the_same_from([clone.parent, clone.parent / "sibling", tmp_path], python, site / "tinygan")
