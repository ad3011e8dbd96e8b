"""`tinygan completion`: a shell completes commands, options, recipes and data sets."""

import shutil
import subprocess
import sys

import pytest

from tinygan.cli import main

ASK = """
source "$1"
complete -p tinygan
shift
COMP_WORDS=(tinygan "$@")
COMP_CWORD=$#
_shtab_tinygan
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """The script for bash, in a file."""
    pytest.importorskip("shtab")
    path = tmp_path_factory.mktemp("shell") / "tinygan.bash"
    path.write_text(subprocess.check_output([sys.executable, "-m", "tinygan", "completion", "bash"], text=True))
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["sam"], {"sample"}),
        (["train", "wgan"], {"wgan", "wgan-gp"}),
        (["recipes", "lap"], {"lapgan"}),
        (["train", "--preci"], {"--precision"}),
        (["train", "--data", "swiss"], {"swiss-roll"}),
        (["train", "--backend", "ref"], {"reference"}),
        (["data", "cif"], {"cifar-10", "cifar-100"}),
        (["eval", "fashion"], {"fashion-mnist", "fashion-edges"}),
        (["help", "geo"], {"geodesic"}),
        (["reproduce", "sem"], {"semi"}),
    ],
)
def test_bash_completes(words, found, script, tmp_path):
    done = subprocess.run(["bash", "-c", ASK, "bash", script, *words], cwd=tmp_path, capture_output=True, text=True)
    assert not done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.endswith("-F _shtab_tinygan tinygan")
    assert set(map(str.strip, rest)) == found


def test_zsh_has_a_script_too(capsys):
    pytest.importorskip("shtab")
    assert main(["completion", "zsh"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("#compdef tinygan") and "wgan-gp" in text and "_tinygan_data" in text


def test_without_shtab_a_line_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert capsys.readouterr().err == 'tinygan: completion needs the library shtab: pip install "tinygan[completion]"\n'
