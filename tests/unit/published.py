"""Small files in the layouts of the published data sets."""

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib

import numpy as np
from PIL import Image


def random_bytes(*shape, seed=0, top=256):
    return np.random.default_rng([seed, *shape]).integers(0, top, shape, dtype=np.uint8)


def tar(files: dict[str, bytes], packed=True) -> bytes:
    """A POSIX archive of plain files behind their folder's own entry."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        top = tarfile.TarInfo(next(iter(files)).split("/")[0])
        top.type = tarfile.DIRTYPE
        archive.addfile(top)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0) if packed else buffer.getvalue()


def zipped(files: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


def picture_file(pixels, kind="PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze(2) if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).save(buffer, kind)
    return buffer.getvalue()


# ---------------------------------------------------------------- CIFAR

CIFAR = {  # by set: folder of the binary form, its files of train and test, labels a record
    "cifar-10": ("cifar-10-batches-bin", [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"], 1),
    "cifar-100": ("cifar-100-binary", ["train", "test"], 2),
}


def cifar_parts(name, n=3):
    """By file: labels (n, 1 or 2), pictures (n, 32, 32, 3)."""
    _, files, count = CIFAR[name]
    top = [10] if count == 1 else [20, 100]
    return {
        file: (
            np.stack([random_bytes(n, seed=k + 100 * j, top=t) for j, t in enumerate(top)], axis=1),
            random_bytes(n, 32, 32, 3, seed=k),
        )
        for k, file in enumerate(files)
    }


def planes(pictures):
    """(N, 3072): all red, then green, then blue, row by row."""
    return np.stack([pictures[..., c].reshape(len(pictures), -1) for c in range(3)], axis=1).reshape(len(pictures), -1)


def cifar_binary(name, n=3) -> dict[str, bytes]:
    folder = CIFAR[name][0]
    return {
        f"{folder}/{file}.bin": np.column_stack([labels, planes(pictures)]).tobytes()
        for file, (labels, pictures) in cifar_parts(name, n).items()
    }


def cifar_python(name, n=3, dump=None) -> dict[str, bytes]:
    folder = {"cifar-10": "cifar-10-batches-py", "cifar-100": "cifar-100-python"}[name]
    keys = ["labels"] if name == "cifar-10" else ["coarse_labels", "fine_labels"]
    files = {}
    for file, (labels, pictures) in cifar_parts(name, n).items():
        table = {"batch_label": "training batch 1 of 5", "filenames": [f"a_{k}.png" for k in range(n)]}
        table |= {key: labels[:, j].tolist() for j, key in enumerate(keys)} | {"data": planes(pictures)}
        files[f"{folder}/{file}"] = (dump or python2_pickle)(table)
    return files


def python2_pickle(table) -> bytes:
    """Protocol 2 as cPickle of Python 2 and its NumPy wrote a dictionary of strings, lists and arrays of bytes."""
    places = iter(range(10**6))

    def put() -> bytes:
        place = next(places)
        return b"q" + bytes([place]) if place < 256 else b"r" + struct.pack("<I", place)

    def value(item) -> bytes:
        if isinstance(item, str | bytes):
            text = item.encode("latin-1") if isinstance(item, str) else item
            short = len(text) < 256
            return (b"U" + bytes([len(text)]) if short else b"T" + struct.pack("<i", len(text))) + text + put()
        if isinstance(item, int):
            return b"K" + bytes([item]) if item < 256 else b"M" + struct.pack("<H", item)
        if isinstance(item, list):
            return b"]" + put() + b"(" + b"".join(map(value, item)) + b"e"
        kind = b"cnumpy\ndtype\n" + put() + value("u1") + b"K\0K\1\x87" + put() + b"R" + put()
        kind += b"(K\3" + value("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t" + put() + b"b"
        head = b"cnumpy.core.multiarray\n_reconstruct\n" + put() + b"cnumpy\nndarray\n" + put()
        head += b"K\0\x85" + put() + value("b") + b"\x87" + put() + b"R" + put()
        shape = b"".join(b"M" + struct.pack("<H", n) for n in item.shape) + b"\x86" + put()
        return head + b"(K\1" + shape + kind + b"\x89" + value(item.tobytes()) + b"t" + put() + b"b"

    return b"\x80\x02}" + put() + b"(" + b"".join(value(k) + value(v) for k, v in table.items()) + b"u."


def python3_pickle(protocol, keys=str):
    """What Python 3 writes with NumPy's own pickling."""
    return lambda table: pickle.dumps({keys(k) if keys is str else k.encode(): v for k, v in table.items()}, protocol)


# ---------------------------------------------------------------- SVHN


def mat_element(kind: int, data: bytes, order="<", small=True) -> bytes:
    if small and 0 < len(data) <= 4:
        return struct.pack(f"{order}I", len(data) << 16 | kind) + data.ljust(4, b"\0")
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def mat_array(name: str, array, kind: int, flags: int, order="<", packed=True) -> bytes:
    """An array of the class ``flags`` whose numbers are stored as the type ``kind``, column by column."""
    types = {1: "i1", 2: "u1", 4: "u2", 5: "i4", 9: "f8"}
    body = mat_element(6, struct.pack(f"{order}II", flags, 0), order)
    body += mat_element(5, np.array(array.shape, f"{order}i4").tobytes(), order)
    body += mat_element(1, name.encode(), order)
    body += mat_element(kind, array.astype(order + types[kind]).tobytes(order="F"), order)
    whole = struct.pack(f"{order}II", 14, len(body)) + body
    if not packed:
        return whole
    data = zlib.compress(whole)
    return struct.pack(f"{order}II", 15, len(data)) + data


def mat(*arrays: bytes, order="<") -> bytes:
    mark = struct.pack(f"{order}HH", 0x0100, 0x4D49)
    return b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + mark + b"".join(arrays)


def svhn(n=7, order="<", packed=True):
    """The file, its pictures (n, 32, 32, 3) and its digits."""
    pictures, digits = random_bytes(n, 32, 32, 3), np.arange(n) % 10
    x = mat_array("X", pictures.transpose(1, 2, 3, 0), 2, 9, order, packed)
    y = mat_array("y", np.where(digits == 0, 10, digits)[:, None], 2, 6, order, packed)  # doubles, stored as bytes
    return mat(x, y, order=order), pictures, digits


# ---------------------------------------------------------------- CelebA


def celeba(n=6, size=(218, 178)):
    """By file name: the three published files; pictures are flat squares of different greys in the middle."""
    names = [f"{k:06d}.jpg" for k in range(1, n + 1)]
    pixels = [np.full((*size, 3), 30 * k, np.uint8) for k in range(n)]
    jpegs = {f"img_align_celeba/{name}": picture_file(p, "JPEG") for name, p in zip(names, pixels, strict=True)}
    rows = [f"{name} {' 1' if k % 2 else '-1'} {'-1' if k % 3 else ' 1'}" for k, name in enumerate(names)]
    parts = [f"{name} {(0, 0, 1, 2)[k % 4]}" for k, name in enumerate(names)]
    return {
        "img_align_celeba.zip": zipped(jpegs, zipfile.ZIP_STORED),
        "list_attr_celeba.txt": "\n".join([str(n), "5_o_Clock_Shadow Smiling ", *rows, ""]).encode(),
        "list_eval_partition.txt": "\n".join([*parts, ""]).encode(),
    }


# ---------------------------------------------------------------- digits, emoji


def digits_table(side, white, n=30):
    """The gzipped table, pictures (n, side, side, 1) and digits."""
    pictures, labels = random_bytes(n, side, side, 1, top=white + 1), np.arange(n) // 3 % 10
    rows = np.column_stack([pictures.reshape(n, -1), labels])
    return gzip.compress("\n".join(",".join(map(str, row)) for row in rows).encode() + b"\n", mtime=0), pictures, labels


def emoji(whose, n=21, version="16.0.0") -> dict[str, bytes]:
    """The files of a package, in its folder "package"."""
    table = [
        {
            "image": f"{k:04x}.png",
            "category": ["Symbols", "Flags"][k % 2],
            "has_img_google": k != 5,
            "has_img_twitter": True,
            "skin_variations": {"1F3FB": {"image": f"{k:04x}-1f3fb.png"}} if k == 2 else None,
        }
        for k in reversed(range(n))
    ]
    modes = ["RGBA", "LA", "P", "RGB"]
    files = {
        "package/package.json": json.dumps({"version": version}).encode(),
        "package/emoji.json": json.dumps(table).encode(),
    }
    for k in range(n):
        image = Image.fromarray(random_bytes(64, 64, 4, seed=[0, 1][whose == "google"] * 100 + k), "RGBA")
        buffer = io.BytesIO()
        image.convert(modes[k % 4]).save(buffer, "PNG")
        files[f"package/img/{whose}/64/{k:04x}.png"] = buffer.getvalue()
    return files
