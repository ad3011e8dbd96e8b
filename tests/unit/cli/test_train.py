"""`tinygan train` and `tinygan sample`: what they print and what they write."""

import numpy as np

from tinygan.cli import main
from tinygan.formats.png import read_png
from tinygan.training.run import Run

SMALL = ["--batch", "8", "--set", "width=2", "--set", "latent=4"]


def test_train_leaves_a_run_directory(home, capsys):
    assert main(["train", "--steps", "3", *SMALL, "--set", "sample_every=2"]) == 0
    run = home / "runs/dcgan-strokes"
    assert f"runs/dcgan-strokes/samples/{3:06d}.png" in capsys.readouterr().out
    assert {path.name for path in run.iterdir()} == {
        "config.toml",
        "stats.jsonl",
        "samples",
        "checkpoints",
        "train.log",
    }
    assert {path.name for path in (run / "samples").iterdir()} == {"real.png", "000002.png", "000003.png"}
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"000003.safetensors", "latest.safetensors"}
    assert read_png(run / "samples/000003.png").shape == (3 * (8 * 30 + 2), 3 * (8 * 30 + 2), 3)
    assert Run.open(run).config.settings.width == 2
    assert main(["train", "--steps", "0", *SMALL]) == 0
    assert (home / "runs/dcgan-strokes-2").is_dir(), "a second run gets a folder of its own"


def test_a_dry_run_prints_the_configuration_and_writes_nothing(home, capsys):
    assert main(["train", "--dry-run", "--steps", "7", "--set", "adam_G.lr=1e-3"]) == 0
    printed = capsys.readouterr().out
    assert "steps = 7" in printed and "lr = 0.001" in printed
    assert not list(home.iterdir())


def test_a_printed_configuration_is_a_config_file(home, capsys):
    main(["train", "--dry-run", "--set", "width=5", "--set", "loss=hinge"])
    (home / "c.toml").write_text(capsys.readouterr().out)
    main(["train", "--dry-run", "--config", "c.toml", "--seed", "9"])
    again = capsys.readouterr().out
    assert again == (home / "c.toml").read_text().replace("seed = 0", "seed = 9")


def test_sample_writes_a_grid_or_an_array_and_a_seed_repeats_it(run, capsys):
    assert main(["sample", "RUN", "-n", "5", "--out", "a.npy"]) == 0
    assert main(["sample", "RUN", "-n", "5", "--out", "b.npy"]) == 0
    assert main(["sample", "RUN", "-n", "5", "--out", "c.npy", "--seed", "1"]) == 0
    a, b, c = (np.load(run.parent / f"{name}.npy") for name in "abc")
    assert a.shape == (5, 28, 28, 1) and a.dtype == np.float32
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert main(["sample", "RUN", "-n", "5", "--scale", "1"]) == 0
    assert read_png(run / "samples/sample-n5-seed0.png").shape == (32, 5 * 30 + 2, 3)


def test_resume_takes_the_runs_own_configuration(run, capsys):
    assert main(["train", "--resume", "--out", "RUN", "--steps", "4"]) == 0
    config = Run.open(run).config
    assert (config.steps, config.settings.width, config.batch) == (4, 2, 8)


def test_a_run_from_before_precision_was_a_setting_goes_on(run, capsys):
    text = (run / "config.toml").read_text()
    assert 'precision = "fast"\n' in text
    (run / "config.toml").write_text(text.replace('precision = "fast"\n', ""))
    assert main(["train", "--resume", "--out", "RUN", "--steps", "4"]) == 0
    assert Run.open(run).config.precision == "fast"


def test_the_environment_and_the_option_set_the_precision_of_a_run(home, monkeypatch, capsys):
    assert main(["train", "--dry-run", "--precision", "direct"]) == 0
    assert 'precision = "direct"' in capsys.readouterr().out
    monkeypatch.setenv("TINYGAN_PRECISION", "direct")
    assert main(["train", "--steps", "1", "--out", "RUN", *SMALL]) == 0
    assert Run.open(home / "RUN").config.precision == "direct"
    assert "precision direct" in (home / "RUN/train.log").read_text()


def test_a_config_file_on_resume_changes_only_what_it_names(run, capsys):
    (run.parent / "c.toml").write_text("steps = 4\n[settings]\nwidth = 2\n")
    assert main(["train", "--resume", "--out", "RUN", "--config", "c.toml"]) == 0
    assert Run.open(run).config.steps == 4


def test_no_steps_leave_a_first_picture_and_a_checkpoint(home, capsys):
    assert main(["train", "--steps", "0", "--out", "RUN", *SMALL]) == 0
    assert (home / "RUN/samples/000000.png").is_file()
    assert main(["sample", "RUN", "-n", "2"]) == 0


def test_sample_pictures_have_the_size_and_the_columns_that_are_chosen(home, capsys):
    assert main(["train", "--steps", "2", "--out", "RUN", *SMALL, "--scale", "2", "--columns", "16"]) == 0
    assert read_png(home / "RUN/samples/000002.png").shape == (2 * (4 * 30 + 2), 2 * (16 * 30 + 2), 3)
    assert main(["train", "--resume", "--steps", "3", "--out", "RUN", "--scale", "1"]) == 0
    assert read_png(home / "RUN/samples/000003.png").shape == (4 * 30 + 2, 16 * 30 + 2, 3)
    assert main(["sample", "RUN", "-n", "6", "--columns", "3", "--scale", "4"]) == 0
    assert read_png(home / "RUN/samples/sample-n6-seed0.png").shape == (4 * (2 * 30 + 2), 4 * (3 * 30 + 2), 3)


def test_the_default_size_is_not_written_as_in_runs_from_before(run):
    assert "sample_scale" not in (run / "config.toml").read_text()
