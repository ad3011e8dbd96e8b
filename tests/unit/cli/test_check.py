"""`tinygan check`: what each column proves, a row a layer, and exit code 1 where a derivative is wrong."""

from tinygan.checks.cases import CASES
from tinygan.checks.check import BOUNDS, CheckFailed
from tinygan.cli import check, main


def some(draws, seed):
    """Two layers' worst errors."""
    yield "Linear", dict.fromkeys(BOUNDS, 0.0) | {"tangent": 3e-9}
    yield "Conv2d", dict.fromkeys(BOUNDS, 0.0) | {"adjoint": 2e-14}


def test_every_column_is_explained_and_the_table_fits_80_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(check, "table", some)
    assert main(["check"]) == 0
    text = capsys.readouterr().out
    assert set(check.PROVES) == set(BOUNDS)
    assert all(f"{name}: {words}" in " ".join(text.split()) for name, words in check.PROVES.items())
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert max(map(len, CASES)) < 24, "the column of names is too narrow"
    head, bound, linear, conv, worst = (line.split() for line in lines[-5:])
    assert head == ["layer", *"12345678", "exact"] and bound[0] == "bound"
    column = head.index(str(check.MEASURED.index("tangent") + 1))
    assert linear[column] == worst[column] == "3e-09" and conv[column] == "0e+00"
    assert linear[-1] == conv[-1] == worst[-1] == "yes"


def test_a_wrong_derivative_is_exit_code_1_in_one_line(monkeypatch, capsys):
    def wrong(draws, seed):
        yield from some(draws, seed)
        raise CheckFailed("Tanh fails 'adjoint'")

    monkeypatch.setattr(check, "table", wrong)
    assert main(["check"]) == 1
    assert capsys.readouterr().err == "tinygan: Tanh fails 'adjoint'\n"
