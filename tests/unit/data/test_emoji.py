"""The two sets of emoji, whose pictures are partners by index."""

import numpy as np
import pytest
from PIL import Image

from tinygan.data import open_data
from tinygan.errors import DataError, FormatError

from ..published import emoji, tar


def unpack(folder, files):
    for name, data in files.items():
        path = folder / name.removeprefix("package/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    (tmp_path / "emoji-datasource-google-16.0.0.tgz").write_bytes(tar(emoji("google")))
    unpack(tmp_path / "node_modules/emoji-datasource-twitter", emoji("twitter"))
    return tmp_path


def on_white(data: bytes, path):
    path.write_bytes(data)
    with Image.open(path) as image:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        return np.asarray(white.convert("RGB"))


@pytest.mark.parametrize("whose", ["google", "twitter"])
def test_pictures_are_composited_on_white_as_pillow_does(place, whose):
    data, test = open_data(f"emoji-{whose}"), open_data(f"emoji-{whose}", split="test")
    assert (data.size, test.size, data.shape, data.classes) == (18, 2, (64, 64, 3), ("Flags", "Symbols"))
    pictures, labels = data.batch(np.arange(18))
    held_out, held_labels = test.batch(np.arange(2))
    names = [k for k in range(21) if k != 5]  # the one that Google has not drawn is in neither set
    for k, name in enumerate(names):
        row, part = (k // 10, True) if k % 10 == 9 else (k - k // 10, False)
        expected = on_white(emoji(whose)[f"package/img/{whose}/64/{name:04x}.png"], place / "a.png")
        got = (held_out if part else pictures)[row]
        np.testing.assert_allclose((got + 1) * 127.5, expected, atol=1.001)
        assert (held_labels if part else labels)["class"][row] == 1 - name % 2


def test_corresponding_emoji_have_the_same_index(place):
    pairs = [open_data(f"emoji-{whose}").batch(np.arange(18))[1]["class"] for whose in ("google", "twitter")]
    np.testing.assert_array_equal(*pairs)


def test_a_package_by_its_path(place):
    assert open_data(place / "emoji-datasource-google-16.0.0.tgz").name == "emoji-google"
    assert open_data(place / "node_modules/emoji-datasource-twitter").name == "emoji-twitter"


def test_another_version_is_refused(place):
    (place / "emoji-datasource-google-16.0.0.tgz").write_bytes(tar(emoji("google", version="15.1.2")))
    with pytest.raises(
        FormatError, match=r"is version '15\.1\.2'; expected 16\.0\.0; run npm pack emoji-datasource-google"
    ):
        open_data("emoji-google")


@pytest.mark.parametrize("name", ["package.json", "emoji.json", "img/google/64/0003.png"])
def test_a_missing_file_is_named(place, name):
    files = emoji("google")
    files.pop(f"package/{name}")
    (place / "emoji-datasource-google-16.0.0.tgz").write_bytes(tar(files))
    with pytest.raises(DataError, match=f"has no '{name}'; download the package again"):
        open_data("emoji-google")


@pytest.mark.parametrize(
    "table",
    [
        b"{",
        b"3",
        b"[3]",
        b"[{}]",
        b"[]",
        b'[{"has_img_google": true, "has_img_twitter": true, "image": 3, "category": "a"}]',
        b'[{"has_img_google": true, "has_img_twitter": true, "image": "../a.png", "category": "a"}]',
        b"[" * 100_000,
    ],
    ids=range(8),
)
def test_a_table_that_is_not_understood_is_refused(place, table):
    files = emoji("google") | {"package/emoji.json": table}
    (place / "emoji-datasource-google-16.0.0.tgz").write_bytes(tar(files))
    with pytest.raises(FormatError, match=r"JSON|unexpected structure|too few"):
        open_data("emoji-google")
