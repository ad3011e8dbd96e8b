"""Downloads: the first mirror that gives the right bytes, against a server on this machine."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from tinygan.data import mnist, open_data
from tinygan.data.fetch import fetch
from tinygan.data.idx import digest, write_idx
from tinygan.errors import DataError

GOOD = b"the right bytes" * 1000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.pages.get(self.path)
        self.send_response(404 if body is None else 200)
        declared = len(body or b"") + (10 if self.path == "/cut" else 0)
        self.send_header("Content-Length", str(declared))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("TINYGAN_OFFLINE", raising=False)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        server.pages = {"/good": GOOD, "/cut": GOOD, "/html": b"<html>moved</html>", "/wrong": GOOD[::-1]}
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def verify(data: bytes) -> None:
    if data != GOOD:
        raise DataError("not the right bytes")


@pytest.mark.parametrize("bad", ["/none", "/cut", "/html", "/wrong"])
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


def test_when_all_fail_each_is_told_in_one_line_and_nothing_is_left(server, tmp_path):
    urls = [server.url + page for page in ("/none", "/cut", "/html")]
    with pytest.raises(DataError) as caught:
        fetch(urls, tmp_path / "a", verify, hint="to get it: ask")
    message = str(caught.value)
    for part in ("404", "cut after 15000 of 15010 bytes", "not the right bytes", "; to get it: ask", *urls):
        assert part in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_a_body_longer_than_the_cap_is_refused(server, tmp_path):
    with pytest.raises(DataError, match="more than 14999 bytes"):
        fetch([server.url + "/good"], tmp_path / "a", verify, max_bytes=len(GOOD) - 1)
    fetch([server.url + "/good"], tmp_path / "a", verify, max_bytes=len(GOOD))
    assert (tmp_path / "a").exists()


def test_offline_asks_nobody(server, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_OFFLINE", "1")
    with pytest.raises(DataError, match="a is not here and TINYGAN_OFFLINE=1 forbids the download; to get it: ask"):
        fetch([server.url + "/good"], tmp_path / "a", verify, hint="to get it: ask")
    assert server.asked == []


def test_progress_goes_to_stderr(server, tmp_path, capsys):
    fetch([server.url + "/good"], tmp_path / "a", verify)
    out, err = capsys.readouterr()
    assert out == ""
    assert "/good: 0.0 MB" in err


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
    known = mnist.KNOWN["mnist"]._replace(mirrors=mirrors, sha256={stem: digest(a) for stem, a in arrays.items()})
    monkeypatch.setitem(mnist.KNOWN, "mnist", known)
    assert open_data("mnist").size == 5
    assert len(server.asked) == 6
    assert open_data("mnist").size == 5
    assert len(server.asked) == 6

    changed = known._replace(sha256=dict.fromkeys(arrays, "0" * 64))
    monkeypatch.setitem(mnist.KNOWN, "mnist", changed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    with pytest.raises(DataError, match=r"no mirror gave it .*SHA-256 differs.*; to get it: "):
        open_data("mnist")
    assert not (tmp_path / "other").exists()
