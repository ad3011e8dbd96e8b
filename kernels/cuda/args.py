"""The arguments of the kernels of conv.cu and matmul.cu: the structures of igemm.cuh and maps.cuh, field by field."""

from __future__ import annotations

import ctypes
from ctypes import c_int32 as Int
from ctypes import c_uint32 as Unsigned
from ctypes import c_void_p as Address
from typing import Any

PHASES = 4  # of a strided adjoint in one launch


class Divisor(ctypes.Structure):
    """⌊n / by⌋ = n · times >> shift for 0 ≤ n < 2³¹."""

    _fields_ = [("by", Unsigned), ("times", Unsigned), ("shift", Unsigned)]

    @classmethod
    def of(cls, by: int) -> Divisor:
        by = max(by, 1)
        shift = 31 + (by - 1).bit_length()
        return cls(by, -(-(1 << shift) // by), shift)


def structure(name: str, **fields: Any) -> Any:
    return type(name, (ctypes.Structure,), {"_fields_": list(fields.items())})


def ints(names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), Int)


def divisors(names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), Divisor)


Patches = structure(
    "Patches",
    at=Address,
    **ints("H W C sh sw top left pixels taps"),
    **divisors("image line channel kernel_line"),
)
Matrix = structure("Matrix", at=Address, **ints("height width pitch"))
Lines = structure("Lines", at=Address, **ints("height width pitch"))
Taps = structure("Taps", at=Address, **ints("C O first down right taps"), **divisors("channel kernel_line"))
Place = structure("Place", **ints("H W C y x sh sw"), **divisors("image line"))
JoinArgs = structure(
    "JoinArgs", part=Address, bias=Address, out=Address, **ints("size splits biased"), channels=Divisor
)


def arguments(A: Any, B: Any, problems: int) -> Any:
    """Args<A, B, problems>."""
    problem = structure("Problem", a=A, b=B, place=Place, **ints("M N K biased"))
    return structure("Args", problem=problem * problems, bias=Address, out=Address, **ints("size splits run"))


# Of conv2d_dw too, whose PatchesTransposed are Patches that answer the other way.
ConvArgs = arguments(Patches, Matrix, 1)
ConvDxArgs = arguments(Patches, Taps, PHASES)


def batch_arguments(B: Any) -> Any:
    """BatchArgs<B>."""
    return structure("BatchArgs", one=arguments(Lines, B, 1), inner=Divisor, **ints("a_outer a_inner b_outer b_inner"))
