"""Read and write PNG images (ISO/IEC 15948) with zlib alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import DataError, FormatError, ShapeError
from tinygan.formats.atomic import write_atomic
from tinygan.formats.unfilter import unfilter

MAX_PIXELS = 2**24  # of one image; reading uses at most 32 bytes of memory per pixel besides the file
MAX_SIDE = 2**14
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type: grey, RGB, palette, grey + alpha, RGBA
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_COLOUR = {1: 0, 3: 2, 4: 6}


class _Header(NamedTuple):
    width: int
    height: int
    depth: int  # bits per sample
    colour: int

    @property
    def bits(self) -> int:
        """Bits per pixel."""
        return self.depth * _CHANNELS[self.colour]

    @property
    def row(self) -> int:
        """Bytes per row, without the filter byte."""
        return (self.width * self.bits + 7) // 8


class _Parts(NamedTuple):
    header: _Header
    palette: memoryview | None
    alpha: memoryview | None
    packed: list[memoryview]


def read_png(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Array:
    """Read a PNG file as ``parse_png`` does. Raises DataError (cannot be read) and FormatError."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; expected a PNG file") from error
    return parse_png(data, str(path), max_pixels=max_pixels)


def parse_png(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> Array:
    """Decode a PNG image to (H, W, C) uint8: C is 1 for grey, 2 for grey and alpha, 3 for RGB, 4 for RGBA.

    All colour types and bit depths are supported, but not interlacing. 16-bit samples keep their upper 8 bits. Grey of 1, 2
    or 4 bits is scaled to 0 ... 255. A palette becomes RGB. A transparency chunk adds an alpha channel: the alpha of each
    palette entry, or 0 for the one grey value or colour that it lists. Gamma, text and other ancillary chunks are ignored,
    and so are bytes after the last chunk. ``name`` is used in error messages.
    Raises FormatError (not PNG, damaged, interlaced, or more than ``max_pixels``).
    """
    try:
        parts = _parts(data, max_pixels)
        return _pixels(parts, _unpack(parts))
    except _Damage as error:
        raise FormatError(f"{name}: {error}; expected a whole PNG file; copy it again or save it again") from error


def write_png(path: str | Path, picture: Array) -> None:
    """Write an image, uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), atomically. Raises ShapeError and DataError."""
    rows = picture[..., None] if picture.ndim == 2 else picture
    if rows.dtype != np.uint8 or rows.ndim != 3 or rows.shape[2] not in _COLOUR or not rows.size:
        raise ShapeError(
            f"write_png: expected uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4): {picture.dtype} {picture.shape}"
        )
    height, width, channels = rows.shape
    unfiltered = np.pad(rows.reshape(height, -1), ((0, 0), (1, 0)))  # a row starts with its filter type; 0 is no filter
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _COLOUR[channels], 0, 0, 0)),
        (b"IDAT", zlib.compress(unfiltered.tobytes())),
        (b"IEND", b""),
    )
    data = _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    write_atomic(path, lambda file: file.write(data))


class _Damage(Exception):
    """What is wrong with the file; the caller adds its name."""


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """The chunks (type, body) up to IEND. Each CRC is checked."""
    if not data.startswith(_SIGNATURE):
        raise _Damage("does not start with the PNG signature")
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            raise _Damage(f"ends inside the chunk at byte {at}")
        kind, body = data[at + 4 : at + 8], memoryview(data)[at + 8 : at + 8 + length]
        if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(data[at + 8 + length : at + 12 + length], "big"):
            raise _Damage(f"the chunk at byte {at} fails its CRC")
        yield kind, body
        at += 12 + length


def _parts(data: bytes, max_pixels: int) -> _Parts:
    chunks = _chunks(data)
    header = _header(*next(chunks), max_pixels)
    palette = alpha = None
    packed = []
    for kind, body in chunks:
        if kind == b"IDAT":
            packed.append(body)
        elif kind == b"PLTE":
            palette = body
        elif kind == b"tRNS":
            alpha = body
        elif kind != b"IEND" and not kind[0] & 32:  # an upper-case first letter: critical
            raise _Damage(f"has an unexpected critical chunk {kind!r}")
    return _Parts(header, palette, alpha, packed)


def _header(kind: bytes, body: memoryview, max_pixels: int) -> _Header:
    if kind != b"IHDR" or len(body) != 13:
        raise _Damage(f"starts with a chunk {kind!r} of {len(body)} bytes, not with IHDR of 13")
    width, height, depth, colour, compression, filtering, interlaced = struct.unpack(">IIBBBBB", body)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlaced > 1:
        raise _Damage(f"declares colour type {colour} at {depth} bits, methods {compression} {filtering} {interlaced}")
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= max_pixels):
        raise _Damage(f"declares {width} x {height} pixels, outside 1 to {MAX_SIDE} a side and {max_pixels} in all")
    if interlaced:
        raise _Damage("is interlaced, which is not supported: save it without interlacing")
    return _Header(width, height, depth, colour)


def _unpack(parts: _Parts) -> Array:
    """Decompress the filtered rows (H, 1 + row bytes) uint8, at most as many bytes as the header declares."""
    height, row = parts.header.height, 1 + parts.header.row
    size, raw = height * row, bytearray()
    stream = zlib.decompressobj()
    try:
        for body in parts.packed:
            raw += stream.decompress(body, size + 1 - len(raw))
            if len(raw) > size:
                break
    except zlib.error as error:
        raise _Damage(f"its zlib stream is damaged ({error})") from error
    if len(raw) != size or not stream.eof or stream.unused_data:
        raise _Damage(f"its pixels are not exactly the {size} bytes that the header declares")
    rows = np.frombuffer(raw, np.uint8).reshape(height, row)
    if rows[:, 0].max() > 4:
        raise _Damage(f"has a row with the unknown filter {rows[:, 0].max()}")
    return rows


def _pixels(parts: _Parts, rows: Array) -> Array:
    header = parts.header
    unit = max(1, header.bits // 8)  # distance in bytes to the pixel on the left
    samples = unfilter(rows[:, 0], rows[:, 1:].reshape(header.height, -1, unit)).reshape(header.height, -1)
    if header.depth < 8:
        shifts = np.arange(8 - header.depth, -1, -header.depth, dtype=np.uint8)
        samples = ((samples[..., None] >> shifts) & (2**header.depth - 1)).reshape(header.height, -1)[:, : header.width]
    if header.colour == 3:
        return _look_up(samples, parts.palette or memoryview(b""), parts.alpha)
    alpha = None if parts.alpha is None or header.colour not in (0, 2) else _keyed(samples, header, parts.alpha)
    if header.depth == 16:
        samples = samples[:, ::2]
    elif header.depth < 8:
        samples = samples * (255 // (2**header.depth - 1))
    pixels = np.ascontiguousarray(samples).reshape(header.height, header.width, -1)
    return pixels if alpha is None else np.concatenate([pixels, alpha], axis=2)


def _keyed(samples: Array, header: _Header, key: memoryview) -> Array:
    """Alpha (H, W, 1): 0 for pixels equal to ``key`` (16 bits per channel), 255 for the others."""
    if len(key) != 2 * _CHANNELS[header.colour]:
        raise _Damage(f"its transparency chunk has {len(key)} bytes")
    whole = np.ascontiguousarray(samples).view(">u2") if header.depth == 16 else samples
    same = (whole.reshape(header.height, header.width, -1) == np.frombuffer(key, ">u2")).all(axis=2, keepdims=True)
    return np.where(same, 0, 255).astype(np.uint8)


def _look_up(index: Array, palette: memoryview, alpha: memoryview | None) -> Array:
    """Colours (H, W, 3), or (H, W, 4) with ``alpha``. Palette entries without an alpha value are opaque."""
    count = len(palette) // 3
    if len(palette) % 3 or len(alpha or ()) > count or index.max() >= count:
        raise _Damage(f"its palette of {len(palette)} bytes does not fit its pixels or its transparency")
    table = np.frombuffer(palette, np.uint8).reshape(count, 3)
    if alpha is not None:
        table = np.column_stack([table, np.full(count, 255, np.uint8)])
        table[: len(alpha), 3] = np.frombuffer(alpha, np.uint8)
    return table[index]
