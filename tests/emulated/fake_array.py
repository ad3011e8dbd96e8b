"""Arrays of a "device" that are as strict as CuPy's, for what tinygan asks of them; fake_cupy.py makes a module of them.

an array of the host never meets one of the device, not even in an index;
NumPy's functions work on device arrays where CuPy has them, by the same names and arguments (``FUNCTIONS``);
empty arrays are NaN;
while a stream is captured, what waits for the device is an error, and every operation goes on a tape, on which a graph's
launch runs them again in the same memory: what a step takes from Python once, it has for good.
"""

import types

import numpy as np

# The functions of NumPy that steps call: CuPy has them all, with the arguments of the calls (test_device_step.py asks it).
FUNCTIONS = (
    *("arange", "argmax", "broadcast_to", "clip", "concatenate", "copyto", "diag", "empty", "empty_like"),
    *("flip", "full_like", "mean", "moveaxis", "ones_like", "outer", "put_along_axis", "repeat", "reshape"),
    *("resize", "rot90", "round", "split", "stack", "take_along_axis", "tile", "where", "zeros"),
    "zeros_like",
)
IN_PLACE = ("copyto", "put_along_axis")  # their first argument
METHODS = (
    *("all", "any", "argmax", "astype", "clip", "copy", "max", "mean", "min", "ravel", "repeat", "reshape"),
    *("round", "squeeze", "std", "sum", "swapaxes", "take", "transpose"),
)


class Tape:
    """What a capture has seen so far; None: nothing is captured. A capture runs nothing, so what was overwritten comes back."""

    steps = None
    undo = None
    nodes = 0  # kernels and copies, each of which a GPU takes a microsecond or two to begin
    calls = {}  # noqa: RUF012 (function, arguments, names of keyword arguments), for the comparison with CuPy
    ufuncs = {}  # noqa: RUF012 (function, method, names of keyword arguments)


def waits():
    if Tape.steps is not None:
        raise RuntimeError("the current stream is capturing, so synchronous API calls are disallowed")


def blas():
    """CuPy refuses to call cuBLAS in a capture."""
    if Tape.steps is not None:
        raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")


class Pinned:
    """Memory of the host through which CuPy sends arrays. A graph would read it anew at each launch, whatever is there then."""

    allocate = staticmethod(lambda size: None)


def from_host():
    Pinned.allocate(1)


def bare(x):
    """NumPy's array in a device array, in any nesting; TypeError for an array of the host."""
    if isinstance(x, ndarray):
        return x.raw
    if isinstance(x, (list, tuple)):
        return type(x)(bare(a) for a in x)
    if isinstance(x, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return x


def operands(x):
    """The arrays in any nesting."""
    if isinstance(x, np.ndarray):
        yield x
    elif isinstance(x, (list, tuple)):
        for a in x:
            yield from operands(a)


def done(call, *args):
    """The result of ``call(*args)`` on the device; a tape repeats it into the same memory, if it is no view of an operand."""
    args = bare(args)
    result = call(*args)
    made = [np.asarray(a) for a in (result if isinstance(result, (list, tuple)) else [result])]
    views = all(any(np.may_share_memory(a, b) for b in operands(args)) for a in made)
    if Tape.steps is not None and not views:

        def again():
            found = call(*args)
            for place, a in zip(made, found if isinstance(found, (list, tuple)) else [found], strict=True):
                np.copyto(place, a)

        Tape.steps.append(again)
        Tape.nodes += any(a.size for a in made)
    return [ndarray(a) for a in made] if isinstance(result, (list, tuple)) else ndarray(made[0])


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the device."""

    __module__ = "cupy"

    def __init__(self, raw):
        self.raw = raw
        if Tape.steps is not None:
            Tape.steps.append(lambda raw=raw: None)  # a graph's memory stays

    shape = property(lambda self: self.raw.shape)
    strides = property(lambda self: self.raw.strides)
    dtype = property(lambda self: self.raw.dtype)
    ndim = property(lambda self: self.raw.ndim)
    size = property(lambda self: self.raw.size)
    nbytes = property(lambda self: self.raw.nbytes)
    T = property(lambda self: self.transpose())
    data = property(lambda self: types.SimpleNamespace(ptr=self.raw.ctypes.data if self.raw.size else 0))

    def __len__(self):
        return len(self.raw)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __array_ufunc__(self, ufunc, method, *args, out=None, **how):
        if method not in ("__call__", "reduce") or any(isinstance(a, np.ndarray) for a in (*args, *(out or ()))):
            return NotImplemented
        Tape.ufuncs[ufunc.__name__, method, tuple(sorted(how))] = True
        if ufunc is np.matmul:
            blas()
        call = getattr(ufunc, method)
        if out is None:
            return done(lambda *a: call(*a, **how), *args)
        (place,), args = out, bare(args)
        write_into(place, lambda raw: call(*args, out=(raw,), **how))
        return place

    def __array_function__(self, function, types_, args, how):
        if function.__name__ not in FUNCTIONS or not all(issubclass(t, ndarray) for t in types_):
            return NotImplemented
        Tape.calls[function.__name__, len(args), tuple(sorted(how))] = True
        if function.__name__ in ("concatenate", "stack") and len(args[0]) > 8:
            from_host()  # where they lie
        if function is np.put_along_axis and not isinstance(args[2], ndarray):
            from_host()
        how = {name: bare(a) for name, a in how.items()}
        if function.__name__ in IN_PLACE:
            place, rest = args[0], bare(args[1:])
            return write_into(place, lambda raw: function(raw, *rest, **how))
        return done(lambda *a: function(*a, **how), *args)

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __getitem__(self, key):
        if any(isinstance(k, list) and k for k in (key if isinstance(key, tuple) else (key,))):
            from_host()
        if any(a.dtype == bool for a in operands(bare(key))):
            waits()
        return done(lambda a, k: a[k], self, key)

    def __setitem__(self, key, value):
        by_arrays = any(isinstance(k, (list, ndarray)) for k in (key if isinstance(key, tuple) else (key,)))
        if by_arrays and not isinstance(value, ndarray):
            from_host()
        if any(a.dtype == bool for a in operands(bare(key))):
            waits()  # how many there are is known on the device alone
        key, value = bare(key), bare(value)
        write_into(self, lambda raw: raw.__setitem__(key, value))

    def get(self):
        waits()
        return self.raw.copy()


def write_into(a, write):
    if Tape.steps is not None:
        Tape.nodes += 1
        Tape.undo.append((a.raw, a.raw.copy()))
        Tape.steps.append(lambda: write(a.raw))
    write(a.raw)


def method(name):
    def call(self, *args, **how):
        how = {key: bare(a) for key, a in how.items()}
        return done(lambda a, *more: getattr(a, name)(*more, **how), self, *args)

    return call


def to_python(kind):
    def convert(self):
        waits()
        return kind(self.raw)

    return convert


for name in METHODS:
    setattr(ndarray, name, method(name))
for name, kind in (("float", float), ("int", int), ("bool", bool), ("index", lambda a: a.__index__())):
    setattr(ndarray, f"__{name}__", to_python(kind))
ndarray.item = to_python(lambda a: a.item())
ndarray.set = lambda self, a, stream=None: np.copyto(self.raw, a)
