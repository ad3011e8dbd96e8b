"""Downloads: the first mirror that gives the right bytes, against a server on this machine."""

import gzip
import hashlib
import threading
import tracemalloc
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import mnist, open_data
from tinygan.data.fetch import fetch, sha256_is
from tinygan.errors import DataError
from tinygan.formats.idx import digest, write_idx

GOOD = b"the right bytes" * 1000
SHA256 = hashlib.sha256(GOOD).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Pages by path; /cut... stops early, /range... knows ranges, /odd answers a range that was not asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.pages.get(self.path)
        asked = self.headers.get("Range") if "range" in self.path or self.path == "/odd" else None
        if body is None:
            self.answer(404, b"")
        elif asked is None:
            self.answer(200, body)
        else:
            begin = int(asked.removeprefix("bytes=").removesuffix("-")) + (self.path == "/odd")
            if begin >= len(body):
                self.answer(416, b"")
            else:
                self.answer(206, body[begin:], f"bytes {begin}-{len(body) - 1}/{len(body)}")

    def answer(self, status, body, part=""):
        self.server.sent.append(len(body))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if part:
            self.send_header("Content-Range", part)
        self.end_headers()
        self.wfile.write(body[: len(body) // 3] if "cut" in self.path else body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("TINYGAN_OFFLINE", raising=False)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.sent = [], []
        server.pages = {"/html": b"<html>moved</html>", "/wrong": GOOD[::-1], "/range/wrong": GOOD[::-1]}
        server.pages |= dict.fromkeys(("/good", "/cut", "/range/good", "/range/cut", "/odd"), GOOD)
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def verify(file) -> None:
    if file.read() != GOOD:
        raise DataError("not the right bytes")


@pytest.mark.parametrize("bad", ["/none", "/cut", "/html", "/wrong", "/range/cut", "/range/wrong"])
def test_any_failure_of_a_mirror_tries_the_next(server, tmp_path, bad):
    target = tmp_path / "new" / "a"
    fetch([server.url + bad, server.url + "/good", server.url + "/unasked"], target, verify)
    assert target.read_bytes() == GOOD
    assert server.asked == [bad, "/good"]
    assert [path.name for path in target.parent.iterdir()] == ["a"]


def test_a_mirror_that_does_not_answer_tries_the_next(server, tmp_path):
    with HTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    fetch([f"http://127.0.0.1:{port}/a", server.url + "/good"], tmp_path / "a", verify)
    assert (tmp_path / "a").read_bytes() == GOOD


def test_when_all_mirrors_fail_one_line_names_each_and_no_file_remains(server, tmp_path):
    urls = [server.url + page for page in ("/none", "/cut", "/html")]
    with pytest.raises(DataError) as caught:
        fetch(urls, tmp_path / "a", verify, hint="to get it: ask")
    message = str(caught.value)
    for part in (
        "404",
        "the connection ended after 5000 of 15000 bytes",
        "not the right bytes",
        "; to get it: ask",
        *urls,
    ):
        assert part in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_truncated_and_corrupt_mirrors_are_reported_and_the_good_one_is_used(server, tmp_path, capsys):
    urls = [server.url + page for page in ("/cut", "/wrong", "/good")]
    fetch(urls, tmp_path / "a", sha256_is(SHA256))
    assert (tmp_path / "a").read_bytes() == GOOD
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    said = capsys.readouterr().err
    assert f"{urls[0]}: the connection ended after 5000 of 15000 bytes" in said
    assert f"{urls[1]}: its SHA-256 is " in said and f"expected {SHA256}" in said
    assert f"{urls[2]}: 0.0 MB" in said


def test_after_an_interruption_the_next_mirror_resumes_the_download(server, tmp_path):
    fetch([server.url + "/range/cut", server.url + "/range/good"], tmp_path / "a", verify)
    assert (tmp_path / "a").read_bytes() == GOOD
    assert server.sent == [15000, 10000]


def test_after_an_interruption_the_next_call_resumes_the_download(server, tmp_path):
    for have in (5000, 8333):  # a third of the rest each time
        with pytest.raises(DataError, match=f"the connection ended after {have} of 15000 bytes"):
            fetch([server.url + "/range/cut"], tmp_path / "a", verify)
        assert (tmp_path / "a.part").read_bytes() == GOOD[:have]
    fetch([server.url + "/range/good"], tmp_path / "a", verify)
    assert (tmp_path / "a").read_bytes() == GOOD
    assert server.sent == [15000, 10000, 6667]


@pytest.mark.parametrize("page", ["/range/good", "/good"])
@pytest.mark.parametrize("start", [b"of another file", GOOD[:100] + b"?", GOOD + b"and more", GOOD[::-1]])
def test_a_wrong_partial_download_is_discarded(server, tmp_path, start, page):
    (tmp_path / "a.part").write_bytes(start)
    fetch([server.url + page], tmp_path / "a", verify)
    assert (tmp_path / "a").read_bytes() == GOOD
    assert server.asked == ([page, page] if page == "/range/good" else [page])


def test_a_whole_part_is_not_sent_again(server, tmp_path):
    (tmp_path / "a.part").write_bytes(GOOD)
    fetch([server.url + "/range/good"], tmp_path / "a", verify)
    assert (tmp_path / "a").read_bytes() == GOOD
    assert server.sent == [0]


def test_a_range_that_was_not_requested_is_refused(server, tmp_path):
    (tmp_path / "a.part").write_bytes(GOOD[:100])
    with pytest.raises(DataError, match="sent another range than the one from byte 100 on"):
        fetch([server.url + "/odd"], tmp_path / "a", verify)
    fetch([server.url + "/odd", server.url + "/range/good"], tmp_path / "a", verify)
    assert (tmp_path / "a").read_bytes() == GOOD


def test_two_simultaneous_downloads_make_one_request(server, tmp_path):
    def get():
        fetch([server.url + "/good"], tmp_path / "a", verify)

    threads = [threading.Thread(target=get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() == GOOD
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert server.asked == ["/good"]


def test_memory_does_not_grow_with_the_file(server, tmp_path):
    size = 2**25
    server.pages["/big"] = bytes(size)
    tracemalloc.start()
    try:
        fetch([server.url + "/big"], tmp_path / "a", sha256_is(hashlib.sha256(bytes(size)).hexdigest()))
        assert tracemalloc.get_traced_memory()[1] <= 2 * size  # the hash above and the server's own copy
    finally:
        tracemalloc.stop()


def test_a_folder_that_cannot_be_written_is_an_error_of_one_line(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"cannot write .*a\.part: File exists; to get it: ask"):
        fetch([server.url + "/good"], tmp_path / "file" / "a", verify, hint="to get it: ask")


def test_a_download_longer_than_the_limit_is_refused(server, tmp_path):
    with pytest.raises(DataError, match="more than 14999 bytes"):
        fetch([server.url + "/good"], tmp_path / "a", verify, max_bytes=len(GOOD) - 1)
    fetch([server.url + "/good"], tmp_path / "a", verify, max_bytes=len(GOOD))
    assert (tmp_path / "a").exists()


def test_offline_the_network_is_not_used(server, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_OFFLINE", "1")
    with pytest.raises(DataError, match="a is missing and TINYGAN_OFFLINE=1 forbids its download; to get it: ask"):
        fetch([server.url + "/good"], tmp_path / "a", verify, hint="to get it: ask")
    assert server.asked == []


def test_progress_goes_to_stderr(server, tmp_path, capsys):
    fetch([server.url + "/good"], tmp_path / "a", verify)
    out, err = capsys.readouterr()
    assert out == ""
    assert "/good: 0.0 MB" in err


def test_the_command_fetches_every_split_and_says_where_it_is(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TINYGAN_DATA", raising=False)
    hashes = {}
    for stem in mnist.MNIST_SETS["mnist"].sha256:
        array = np.zeros((3, 28, 28) if "images" in stem else 3, np.uint8)
        write_idx(tmp_path / "a.gz", array)
        server.pages[f"/{stem}.gz"] = (tmp_path / "a.gz").read_bytes()
        hashes[stem] = digest(array)
    known = mnist.MNIST_SETS["mnist"]._replace(mirrors=(f"{server.url}/",), sha256=hashes)
    monkeypatch.setitem(mnist.MNIST_SETS, "mnist", known)
    for _ in range(2):
        assert main(["data", "mnist", "--fetch"]) == 0
        assert str(tmp_path / "cache" / "tinygan" / "mnist") in capsys.readouterr().out
        assert len(server.asked) == 4
    assert main(["data", "strokes", "--fetch"]) == 0
    assert main(["data", "--fetch"]) == 2
    assert "--fetch needs the NAME of a data set" in capsys.readouterr().err


def test_a_set_is_downloaded_once_and_only_with_the_published_contents(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TINYGAN_DATA", raising=False)
    arrays = {
        "train-images-idx3-ubyte": np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3),
        "train-labels-idx1-ubyte": np.arange(5, dtype=np.uint8),
    }
    for stem, array in arrays.items():
        write_idx(tmp_path / "a", array)
        repacked = gzip.compress((tmp_path / "a").read_bytes(), compresslevel=1)  # the payload decides
        server.pages[f"/right/{stem}.gz"] = repacked
        server.pages[f"/wrong/{stem}.gz"] = repacked[:-9]
    mirrors = tuple(f"{server.url}/{place}/" for place in ("none", "wrong", "right"))
    known = mnist.MNIST_SETS["mnist"]._replace(mirrors=mirrors, sha256={stem: digest(a) for stem, a in arrays.items()})
    monkeypatch.setitem(mnist.MNIST_SETS, "mnist", known)
    assert open_data("mnist").size == 5
    assert len(server.asked) == 6
    assert open_data("mnist").size == 5
    assert len(server.asked) == 6

    changed = known._replace(sha256=dict.fromkeys(arrays, "0" * 64))
    monkeypatch.setitem(mnist.MNIST_SETS, "mnist", changed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    with pytest.raises(DataError, match=r"failed from every mirror .*SHA-256 differs.*; to get it: "):
        open_data("mnist")
    assert not [path for path in (tmp_path / "other").rglob("*") if path.is_file()]
