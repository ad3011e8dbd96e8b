"""`tinygan help`: every command says what it does, its options and examples, in lines that fit 80 columns."""

import shlex
import subprocess
import sys

import pytest

from tinygan.cli import main
from tinygan.cli.commands import COMMANDS, describe, module, parse
from tinygan.cli.parser import Help, Parser


def helped(capsys, *words):
    """What a command prints where it exits at once with 0."""
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_describes_itself_and_all_its_options_in_80_columns(name, capsys):
    text = helped(capsys, "help", name)
    assert text == helped(capsys, name, "--help")
    assert text.startswith(f"usage: tinygan {name}") and "\nexamples:\n" in text
    assert max(map(len, text.splitlines())) <= 80
    parser = Parser(prog=f"tinygan {name}")
    describe(parser, name)
    assert all(action.help for action in parser._actions)


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"completion"}))  # whose examples are of a shell
def test_the_examples_of_a_command_are_commands(name):
    for line, what in module(name).EXAMPLES:
        command, *words = shlex.split(line)
        assert command == "tinygan" and words[0] == name and what
        parse(words)


def test_options_that_have_a_default_name_it():
    required = {"-h", "--from", "--to", "--of", "--minus", "--plus"}
    for name in COMMANDS:
        parser = Parser(prog=name)
        describe(parser, name)
        for action in (a for a in parser._actions if a.option_strings and not isinstance(a, Help) and a.nargs != 0):
            optional = not action.required and action.default != []
            if optional and action.dest not in {"label", "text", "truncation", "sweep", "standing", "average"}:
                known = "default" in action.help or action.dest in {"image", "index", "set", "config", "only"}
                assert known, f"{name} {action.option_strings}"
            assert action.required <= (action.option_strings[0] in required)


def test_the_list_has_every_command_and_is_printed_without_one_too(capsys):
    text = helped(capsys, "help")
    assert text == helped(capsys, "--help")
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"\n  {name} " in text for name in COMMANDS)
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2 and capsys.readouterr().out == text


def test_help_on_a_recipe_adds_its_settings(capsys):
    text = helped(capsys, "train", "wgan-gp", "--help")
    assert text == helped(capsys, "train", "--help", "wgan-gp") == helped(capsys, "help", "train", "wgan-gp")
    assert text.startswith(helped(capsys, "help", "train"))
    assert 'loss="wasserstein"' in text and "sample_every=200" in text
    assert main(["help", "train", "wgan-pg"]) == 2
    assert "did you mean wgan-gp?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tarin", "unknown command 'tarin' (did you mean train?); expected one of train, recipes, data"),
        ("help smaple", "unknown command 'smaple' (did you mean sample?)"),
        ("--resume train", "unknown option --resume"),
        ("train --stpes 3", "unknown option --stpes (did you mean --steps?); see tinygan train --help"),
        ("train dcgan strokes", "unexpected 'strokes'; see tinygan train --help"),
        ("train dcgan lr=3", "unexpected 'lr=3': a setting needs --set lr=3; see tinygan train --help"),
        ("wgan-gp --steps 3", "wgan-gp is a recipe: tinygan train wgan-gp; see tinygan --help"),
        ("train --steps 3.5", "expected a whole number, as in 64: got '3.5'"),
        ("sample RUN --truncation wide", "expected a number, as in 0.5: got 'wide'"),
        ("sample RUN --scale 0", "argument --scale: expected 1 to 64: got 0"),
        ("completion fish", "invalid choice: 'fish' (choose from"),
    ],
)
def test_words_that_are_wrong_are_one_line(line, words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    err = capsys.readouterr().err
    assert caught.value.code == 2
    assert words in err and err.startswith("tinygan: ") and err.count("\n") == 1


def test_the_list_of_commands_needs_no_numpy():
    code = (
        "import sys\n"
        "from tinygan.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    print('numpy' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1] == "False"
