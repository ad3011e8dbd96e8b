"""PNG both ways against pillow, and every way a file can be wrong."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from tinygan.errors import DataError, FormatError, ShapeError
from tinygan.formats.png import MAX_SIDE, parse_png, read_png, write_png

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour, rows: bytes, *, extra=(), interlaced=0) -> bytes:
    """A file of the given header, chunks (kind, body) before the pixels, and unpacked filtered rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(*each) for each in chunks)


def read(tmp_path, data: bytes):
    (tmp_path / "a.png").write_bytes(data)
    return read_png(tmp_path / "a.png")


def refused(tmp_path, data: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=rf"a\.png: .*{why}.*; expected a whole PNG file; .*") as caught:
        read(tmp_path, data)
    assert "\n" not in str(caught.value)


def picture(*shape, seed=0):
    """Smooth enough that pillow picks several filters."""
    steps = np.random.default_rng(seed).integers(-4, 5, shape)
    return (np.cumsum(np.cumsum(steps, axis=0), axis=1) % 256).astype(np.uint8)


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3), (9, 7, 4), (1, 1), (1, 40, 3), (40, 1, 3)])
def test_written_images_read_back_here_and_in_pillow(tmp_path, shape):
    pixels = picture(*shape)
    write_png(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read_png(tmp_path / "a.png").reshape(shape), pixels)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image).reshape(shape), pixels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (8, 8), (13, 31), (31, 13)])
def test_every_kind_that_pillow_writes_reads_as_pillow_does(tmp_path, mode, size):
    image = Image.fromarray(picture(size[1], size[0], 3 if mode == "P" else 4, seed=size[0])).convert(mode)
    image.save(tmp_path / "a.png")
    whole = {"1": "L", "P": "RGB"}.get(mode, mode)
    expected = np.asarray(image.convert(whole)).reshape(size[1], size[0], -1)
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_small_palettes_with_transparency_read_as_pillow_does(tmp_path, bits):
    image = Image.new("P", (9, 11))
    image.putdata((picture(11, 9) % 2**bits).ravel().tolist())
    image.putpalette(picture(2**bits, 3).ravel().tolist())
    image.save(tmp_path / "a.png", bits=bits, transparency=bytes([0, 100]))
    with Image.open(tmp_path / "a.png") as again:
        expected = np.asarray(again.convert("RGBA"))
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), expected)


@pytest.mark.parametrize(
    ("colour", "depth", "row", "key", "transparent"),
    [
        (0, 1, b"\xa5\x80", b"\0\1", "101001011"),
        (0, 4, b"\x1f\x21\x34\x15\x60", b"\0\1", "100100100"),
        (0, 8, bytes([7, 8, 7, 9, 7, 0, 1, 2, 7]), b"\0\7", "101010001"),
        (2, 8, bytes([1, 2, 3, 1, 2, 4, 3, 2, 1] * 3), b"\0\1\0\2\0\3", "100100100"),
        (0, 8, bytes(9), b"\1\0", "000000000"),  # a key that no pixel can have
    ],
)
def test_a_transparent_grey_or_colour_becomes_alpha(tmp_path, colour, depth, row, key, transparent):
    got = read(tmp_path, png(9, 1, depth, colour, b"\0" + row, extra=[(b"tRNS", key)]))
    assert got[0, :, -1].tolist() == [0 if bit == "1" else 255 for bit in transparent]
    with Image.open(tmp_path / "a.png") as image:
        expected = np.asarray(image.convert("RGBA"))
    np.testing.assert_array_equal(np.broadcast_to(got[..., :-1], (1, 9, 3)), expected[..., :3])
    if depth == 8 and key != b"\1\0":  # pillow holds the key to stretched values
        np.testing.assert_array_equal(got[..., -1], expected[..., 3])


def test_a_transparent_grey_of_sixteen_bits_is_compared_whole(tmp_path):
    values = np.array([[0x1234, 0x1235, 0x1234, 0x0034]], ">u2")
    got = read(tmp_path, png(4, 1, 16, 0, b"\0" + values.tobytes(), extra=[(b"tRNS", b"\x12\x34")]))
    assert got[0].tolist() == [[0x12, 0], [0x12, 255], [0x12, 0], [0, 255]]


def test_sixteen_bits_keep_the_upper_eight(tmp_path):
    values = np.arange(0, 65536, 1009, dtype=np.uint16)[:60].reshape(6, 10)
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_png(tmp_path / "a.png")[..., 0], values >> 8)


@pytest.mark.parametrize(
    ("depth", "byte", "expected"), [(1, 0b10100000, [255, 0, 255]), (2, 0b00011000, [0, 85, 170]), (4, 0x1F, [17, 255])]
)
def test_low_bit_grey_is_stretched_by_hand(tmp_path, depth, byte, expected):
    data = png(len(expected), 1, depth, 0, bytes([0, byte]))
    assert read(tmp_path, data)[0, :, 0].tolist() == expected


def test_pixels_may_be_cut_into_many_chunks_and_other_chunks_are_passed_over(tmp_path):
    pixels = picture(8, 6, 3)
    packed = zlib.compress(np.pad(pixels.reshape(8, -1), ((0, 0), (1, 0))).tobytes())
    header = struct.pack(">IIBBBBB", 6, 8, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tEXt", b"a\0b"), *((b"IDAT", packed[k : k + 5]) for k in range(0, len(packed), 5))]
    data = SIGNATURE + b"".join(chunk(*each) for each in [*chunks, (b"IDAT", b""), (b"IEND", b"")]) + b"after the end"
    np.testing.assert_array_equal(read(tmp_path, data), pixels)


def test_every_truncation_is_refused(tmp_path):
    write_png(tmp_path / "whole.png", picture(5, 5, 3))
    data = (tmp_path / "whole.png").read_bytes()
    for length in range(len(data)):
        with pytest.raises(FormatError):
            parse_png(data[:length], "a")


def test_every_flipped_bit_is_refused(tmp_path):
    write_png(tmp_path / "whole.png", picture(3, 3, 1))
    data = (tmp_path / "whole.png").read_bytes()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            parse_png(bytes(flipped), "a")


GREY = bytes(2 * 2 + 2)  # the rows of 2 x 2 grey pixels


def grey(packed: list[bytes]) -> bytes:
    """A file of 2 x 2 grey pixels, packed in several chunks."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)), *((b"IDAT", part) for part in packed)]
    return SIGNATURE + b"".join(chunk(*each) for each in [*chunks, (b"IEND", b"")])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GIF89a", "does not start with the PNG signature"),
        (png(2, 2, 8, 0, GREY, interlaced=1), "is interlaced, .*: save it without interlacing"),
        (png(2, 2, 8, 0, GREY[:-1]), "not exactly the 6 bytes"),
        (png(2, 2, 8, 0, GREY + b"\0"), "not exactly the 6 bytes"),
        (png(2, 2, 8, 0, b"\5" + GREY[1:]), "a row with the unknown filter 5"),
        (png(2, 2, 3, 0, GREY), "colour type 0 at 3 bits"),
        (png(2, 2, 8, 7, GREY), "colour type 7 at 8 bits"),
        (png(0, 2, 8, 0, GREY), "0 x 2 pixels"),
        (png(2, 2**31 - 1, 8, 0, GREY), "2 x 2147483647 pixels, outside 1 to 16384 a side"),
        (png(MAX_SIDE, MAX_SIDE, 8, 0, GREY), "and 16777216 in all"),
        (png(2, 2, 8, 3, GREY), "palette of 0 bytes"),
        (png(2, 2, 8, 3, b"\0\1\1\0\1\1", extra=[(b"PLTE", b"abc")]), "palette of 3 bytes does not fit its pixels"),
        (png(2, 2, 8, 3, GREY, extra=[(b"PLTE", b"abcd")]), "palette of 4 bytes"),
        (png(2, 2, 8, 3, GREY, extra=[(b"PLTE", b"abc"), (b"tRNS", b"12")]), "or its transparency"),
        (png(2, 2, 8, 0, GREY, extra=[(b"tRNS", b"1")]), "transparency chunk has 1 bytes"),
        (png(2, 2, 8, 0, GREY, extra=[(b"XXXX", b"")]), "unexpected critical chunk b'XXXX'"),
        (SIGNATURE + chunk(b"IDAT", b"x"), "not with IHDR"),
    ],
)
def test_the_message_says_what_is_wrong(tmp_path, data, why):
    refused(tmp_path, data, why)


@pytest.mark.parametrize("end", [-1, -4])
def test_pixels_that_lack_their_checksum_are_refused(tmp_path, end):
    refused(tmp_path, grey([zlib.compress(GREY)[:end]]), "not exactly the 6 bytes")


@pytest.mark.parametrize("cut", [0, 10, 1000])
def test_a_zip_bomb_is_not_decompressed(cut):
    packer = zlib.compressobj()
    start = packer.compress(GREY) + packer.flush(zlib.Z_SYNC_FLUSH)  # all that is declared, then 16 MiB more
    bomb = start + packer.compress(bytes(2**24)) + packer.flush()
    data = grey([bomb[: len(start) + cut], bomb[len(start) + cut :]])
    tracemalloc.start()
    with pytest.raises(FormatError, match="not exactly the 6 bytes"):
        parse_png(data, "a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 2**18


def test_no_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*none\.png: No such file or directory; expected a PNG file"):
        read_png(tmp_path / "none.png")


@pytest.mark.parametrize("pixels", [np.zeros((2, 2)), np.zeros((2, 2, 2), np.uint8), np.zeros((0, 2), np.uint8)])
def test_only_whole_byte_pictures_are_written(tmp_path, pixels):
    with pytest.raises(ShapeError, match=r"write_png: expected uint8 .*: " + str(pixels.dtype)):
        write_png(tmp_path / "a.png", pixels)


def test_the_file_is_the_same_every_time(tmp_path):
    files = []
    for name in "ab":
        write_png(tmp_path / name, picture(20, 20, 3))
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    assert Image.open(io.BytesIO(files[0])).size == (20, 20)
