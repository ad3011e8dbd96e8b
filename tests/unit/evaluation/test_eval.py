"""tinygan eval: the values are those of the measures on all features at once, and each mistake is one line."""

import json
import re

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import open_data
from tinygan.data.images import Images
from tinygan.data.sampler import Sampler
from tinygan.errors import UsageError
from tinygan.evaluation.evaluate import measure, open_images
from tinygan.evaluation.extractors import export, open_features
from tinygan.formats.png import write_png
from tinygan.metrics.frechet import frechet
from tinygan.metrics.inception_score import inception_score
from tinygan.metrics.kid import mmd2
from tinygan.metrics.manifold import precision_recall
from tinygan.metrics.streaming import DEFAULT, MEASURES, ScoreNames
from tinygan.models.inception import inception
from tinygan.training.run import Run

NAMES = ScoreNames("F", "K", "I")
SMALL = ["--batch", "8", "--set", "width=2"]


class Projection:
    """An extractor for tests: five random linear features of an image, and three logits."""

    name, dim = "projection", 5

    def __init__(self, pixels):
        self.w = np.random.default_rng(0).normal(size=(pixels, 8))

    def __call__(self, images):
        y = images.reshape(len(images), -1) @ self.w
        return y[:, :5], y[:, 5:]


def pictures(name, n, bias=0):
    rng = np.random.default_rng([n, bias])
    return Images(name, rng.integers(bias, 256, (n, 4, 4, 1)).astype(np.uint8), np.zeros(n), ("image",))


def values_of(fake, real, n, metrics=tuple(MEASURES)):
    made = measure(fake, real, Projection(16), NAMES, metrics, n)
    return made, {value.name: value for value in made.values}


@pytest.mark.parametrize(("n", "size", "m"), [(70, 140, 70), (70, 100, 50), (64, 64, 32)])
def test_streamed_values_are_those_of_all_features_at_once(monkeypatch, n, size, m):
    monkeypatch.setattr("tinygan.evaluation.evaluate.BLOCK", 10)
    monkeypatch.setattr("tinygan.metrics.streaming.BLOCK", 10)
    fake, real = pictures("fake", n, bias=60), pictures("real", size)
    made, values = values_of(fake, real, n)
    assert (made.n, made.m) == (n, m - m % 10 if m < n else m)
    f, f_logits = Projection(16)(fake.batch(Sampler(n, 0).indices(0, n))[0])
    r, r_logits = Projection(16)(real.batch(Sampler(size, 0).indices(0, size))[0])
    half, other, other_logits = r[: made.m], r[made.m : 2 * made.m], r_logits[made.m : 2 * made.m]
    r = r[:n]
    np.testing.assert_allclose(values["F"][1:3], [frechet(f, r), frechet(half, other)], rtol=1e-9)
    blocks = [mmd2(r[i : i + 10], f[i : i + 10]) for i in range(0, n - n % 10, 10)]
    np.testing.assert_allclose(values[f"K, mean of {n // 10} blocks"].value, np.mean(blocks), rtol=1e-9)
    score, best = inception_score(f_logits), inception_score(other_logits)
    np.testing.assert_allclose(values["I, 10 splits"][1:3], [score.mean, best.mean], rtol=1e-9)
    near, floor = precision_recall(r, f), precision_recall(half, other)
    found = values[f"precision of {n} images, 3 neighbours"]
    assert found[1:3] == (near.precision, floor.precision)


def test_a_set_against_itself_is_at_no_distance_and_noise_is_far(rng):
    real = pictures("real", 300)
    _, values = values_of(real, real, 300, ("frechet",))
    assert values["F"].value <= 1e-10 <= values["F"].floor
    _, values = values_of(pictures("bright", 300, bias=200), real, 150, ("frechet",))
    assert values["F"].value > 20 * values["F"].floor


def test_counts_are_chosen_so_that_the_floor_has_as_many():
    assert values_of(pictures("a", 90), pictures("b", 100), None, ("frechet",))[0][3:5] == (50, 50)
    assert values_of(pictures("a", 30), pictures("b", 100), None, ("frechet",))[0][3:5] == (30, 30)


def test_neighbours_are_those_of_the_first_features_kept(monkeypatch):
    monkeypatch.setattr("tinygan.evaluation.evaluate.BLOCK", 10)
    monkeypatch.setattr("tinygan.metrics.streaming.BLOCK", 10)
    monkeypatch.setattr("tinygan.metrics.streaming.KEPT", 20)
    _, values = values_of(pictures("a", 50), pictures("b", 100), 50, ("density-coverage",))
    assert list(values) == [f"{x} of 20 images, 5 neighbours" for x in ("density", "coverage")]


def test_features_without_logits_have_no_inception_score():
    def extractor(images):
        return Projection(16)(images)[0], None

    extractor.name = "bare"
    with pytest.raises(UsageError, match="remove it from --metrics"):
        measure(pictures("a", 9), pictures("b", 20), extractor, NAMES, ("inception-score",))


def test_only_the_published_network_gives_scores_called_fid(monkeypatch):
    monkeypatch.setattr("tinygan.evaluation.extractors.load_inception", lambda: np.zeros(inception().size, np.float32))
    for source, resizer in (("inception", "tf1-bilinear"), ("inception-clean", "pil-bicubic")):
        extractor, names = open_features(source)
        assert names.frechet == f"FID (inception-2015-12-05, {resizer})" and extractor.dim == 2048


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run of a generator, one of a classifier, its weights, and images in a file and in a folder."""
    home = tmp_path_factory.mktemp("eval")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert main(["train", "--steps", "2", "--out", "RUN", *SMALL]) == 0
        assert main(["train", "classifier", "--steps", "2", "--out", "CLASSIFIER", *SMALL]) == 0
        export(Run.open(home / "CLASSIFIER"), home / "weights.safetensors")
        np.save("noise.npy", np.random.default_rng(0).uniform(-1, 1, (40, 28, 28, 1)).astype(np.float32))
        np.save("colour.npy", np.zeros((40, 28, 28, 3), np.float32))
        (home / "folder").mkdir()
        for i, image in enumerate(open_data("strokes").batch(np.arange(40))[0]):
            write_png(home / f"folder/{i:02d}.png", ((image + 1) * 127.5).astype(np.uint8))
    return home


@pytest.fixture
def here(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    capsys.readouterr()
    return home


def tell(capsys, *words):
    assert main(["eval", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("features", ["CLASSIFIER", "weights.safetensors"])
def test_a_run_is_measured_against_its_own_data_and_the_line_is_kept(here, capsys, features):
    (here / "RUN/metrics.jsonl").unlink(missing_ok=True)
    printed = tell(capsys, "RUN", "--features", features, "-n", "30")
    assert "RUN against strokes: 30 images of each" in printed
    assert "real: 30 images of strokes against 30 others" in printed
    (line,) = map(json.loads, (here / "RUN/metrics.jsonl").read_text().splitlines())
    (value, floor), *_ = line["values"].values()
    assert re.fullmatch(r"Frechet distance \(tinygan-strokes features [0-9a-f]{8}\)", next(iter(line["values"])))
    assert line["step"] == 2 and line["n"] == line["n_real"] == line["n_floor"] == 30
    assert value > floor > 0
    assert f"{value:.6g}" in printed and f"{floor:.6g}" in printed and "FID" not in printed
    assert tell(capsys, "RUN", "--features", features, "-n", "30") == printed, "a seed repeats it"


def test_a_file_of_weights_is_its_run(here, capsys):
    a, b = (
        tell(capsys, "noise.npy", "--data", "strokes", "--features", f) for f in ("CLASSIFIER", "weights.safetensors")
    )
    assert a == b


@pytest.mark.parametrize("pair", [("folder", "noise.npy"), ("noise.npy", "RUN"), ("folder", "folder")], ids=" ".join)
def test_any_two_sets_are_compared(here, capsys, pair):
    printed = tell(capsys, *pair, "--features", "CLASSIFIER", "--metrics", "all", "-n", "20", "--out", "new.jsonl")
    assert "20 images of each" in printed and "precision" in printed
    assert json.loads((here / "new.jsonl").read_text().splitlines()[-1])["what"] == pair[0]


def test_a_classifier_is_asked_for_its_accuracy(here, capsys):
    printed = tell(capsys, "CLASSIFIER", "-n", "100")
    assert "%\non 100 images of the test split of strokes" in printed
    assert 0 <= json.loads((here / "CLASSIFIER/metrics.jsonl").read_text().splitlines()[-1])["accuracy"] <= 1


def test_a_sample_of_a_run_is_the_same_in_every_batch(here):
    images = open_images("RUN", seed=3)
    whole = images.batch(np.arange(70))[0]
    np.testing.assert_allclose(images.batch(np.array([69, 5]))[0], whole[[69, 5]], atol=1e-6)
    assert images.size is None and images.shape == (28, 28, 1)


MISTAKES = [
    ("none --data strokes", 2, "no data set, file or folder 'none'"),
    ("./none --data strokes", 4, "is not a folder, an .npz or a .zip file"),
    ("none.npy --data strokes", 4, "No such file"),
    ("noise.npy", 2, "against what? Add --data NAME"),
    ("noise.npy folder --data strokes", 2, "give one of the two"),
    ("noise.npy --data strokes -n 41", 2, "noise.npy has 40 and strokes any number; choose -n from 2 to 40"),
    ("RUN folder -n 41", 2, "choose -n from 2 to 40"),
    ("RUN -n 1", 2, "-n is at least 2"),
    ("RUN --seed -1", 2, "--seed at least 0"),
    ("RUN --metrics fretchet", 2, "unknown metric 'fretchet' (did you mean frechet?)"),
    ("RUN --features fashion", 2, "no features 'fashion' (did you mean fashion-mnist?)"),
    ("RUN --features RUN", 2, "is a run of dcgan; expected a run of classifier"),
    ("RUN --features noise.npy", 4, "not a whole safetensors file"),
    ("RUN --features RUN/checkpoints/latest.safetensors", 4, "expected a file of evaluate.export"),
    ("colour.npy --data strokes", 2, "give images of the same shape"),
    ("ring --data ring", 2, "ring has points of shape (2,), and the metrics need images"),
    ("colour.npy colour.npy --features CLASSIFIER", 2, "are for images 28x28x1, these are 28x28x3"),
    ("CLASSIFIER --data ring", 2, "CLASSIFIER classifies (28, 28, 1) into 10 classes; ring has (2,) in 8"),
    ("noise.npy CLASSIFIER", 2, "which makes no images"),
    ("EMPTY", 4, "has no checkpoint yet"),
    ("noise.npy --data strokes --features CLASSIFIER -n 20 --out none/x.jsonl", 4, "none/x.jsonl"),
]


@pytest.mark.parametrize(("words", "code", "message"), MISTAKES, ids=[words for words, _, _ in MISTAKES])
def test_a_mistake_is_one_line_and_an_exit_code(here, capsys, words, code, message):
    if not (here / "EMPTY").exists():
        (here / "EMPTY").mkdir()
        (here / "EMPTY/config.toml").write_text((here / "RUN/config.toml").read_text())
    default = [] if "--features" in words else ["--features", "CLASSIFIER"]
    assert main(["eval", *words.split(), *default]) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tinygan: ")]
    assert len(errors) == 1 and message in errors[0]


def test_missing_weights_say_how_to_train_them(here, capsys, monkeypatch):
    monkeypatch.setattr("tinygan.metrics.features.SHIPPED", here / "nowhere")
    assert main(["eval", "RUN"]) == 4
    assert "train them by tinygan train classifier --data fashion-mnist" in capsys.readouterr().err


def test_the_measures_of_the_help_are_those_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["eval", "--help"])
    printed = " ".join(capsys.readouterr().out.split()).replace("- ", "-")  # it wraps at hyphens
    assert ", ".join(MEASURES) in printed and tuple(MEASURES)[:3] == DEFAULT
