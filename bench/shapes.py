"""Every convolution of DCGAN-32, DCGAN-64 and SNGAN-ResNet-32, at batch 64.

A layer is one trilinear form ⟨w ⋆ x, y⟩ with x (N, H, H, C), w (k, k, C, O), y (N, P, P, O). A convolution maps x to y, a
transposed convolution maps y to x. K tangents add K N samples. SNGAN's layers are listed as its networks compute them: plain
3x3 convolutions; upsampling then 3x3, and 3x3 then pooling, as 4x4 convolutions of stride 2; and 1x1 shortcuts on the smaller
image.
"""

from __future__ import annotations

from typing import NamedTuple

BATCH = 64
PASSES = ("forward", "dx", "dw")


class Conv(NamedTuple):
    """One layer. If ``transposed``, its input is y."""

    name: str
    H: int
    C: int
    O: int
    k: int
    stride: int = 1
    pad: int = 0
    transposed: bool = False
    N: int = BATCH

    @property
    def P(self) -> int:
        return (self.H + 2 * self.pad - self.k) // self.stride + 1

    @property
    def flop(self) -> float:
        """Multiplications and additions of one pass in the direct form, including taps on the padding."""
        return 2.0 * self.N * self.P**2 * self.k**2 * self.C * self.O

    @property
    def bytes(self) -> float:
        """The size of x, w and y in float32."""
        return 4.0 * (self.N * self.H**2 * self.C + self.k**2 * self.C * self.O + self.N * self.P**2 * self.O)

    @property
    def geometry(self) -> dict[str, tuple]:
        return {"stride": (self.stride,) * 2, "pad": ((self.pad,) * 2,) * 2}

    def describe(self) -> str:
        a, b = ((self.P, self.O), (self.H, self.C)) if self.transposed else ((self.H, self.C), (self.P, self.O))
        kind = "convT" if self.transposed else "conv"
        return f"{self.name} {kind} {self.k}x{self.k}s{self.stride} {a[0]}->{b[0]}, {a[1]}->{b[1]}, N {self.N}"


def down(name: str, H: int, C: int, O: int) -> Conv:
    """A 4x4 convolution of stride 2 from H to H/2."""
    return Conv(name, H, C, O, 4, stride=2, pad=1)


def up(name: str, P: int, c_in: int, c_out: int) -> Conv:
    """A transposed 4x4 convolution of stride 2 from P to 2P."""
    return Conv(name, 2 * P, c_out, c_in, 4, stride=2, pad=1, transposed=True)


def dcgan(size: int, latent: int) -> list[Conv]:
    """The networks of Radford et al. 2016, width 64: channels double as the size halves, down to 4."""
    n = {32: 3, 64: 4}[size]
    widths = [3] + [64 << i for i in range(n)]
    D = [down(f"D{i + 1}", size >> i, widths[i], widths[i + 1]) for i in range(n)]
    D.append(Conv(f"D{n + 1}", 4, widths[-1], 1, 4))
    G = [Conv("G1", 4, widths[-1], latent, 4, transposed=True)]
    G += [up(f"G{i + 2}", 4 << i, widths[n - i], widths[n - i - 1]) for i in range(n)]
    return G + D


def three(name: str, H: int, C: int, O: int) -> Conv:
    return Conv(name, H, C, O, 3, pad=1)


def one(name: str, H: int, C: int, O: int) -> Conv:
    return Conv(name, H, C, O, 1)


def sngan() -> list[Conv]:
    """The networks of Miyato et al. 2018, table 4: 256 channels in G, 128 in D; equal layers are listed once."""
    G = [up(f"G up-3x3 @{2 * P}", P, 256, 256) for P in (4, 8, 16)]
    G += [three(f"G 3x3 @{H}", H, 256, 256) for H in (8, 16, 32)] + [three("G last", 32, 256, 3)]
    G += [one(f"G shortcut @{H}", H, 256, 256) for H in (4, 8, 16)]
    D = [three("D first", 32, 3, 128), down("D 3x3-pool @32", 32, 128, 128), down("D 3x3-pool @16", 16, 128, 128)]
    D += [three(f"D 3x3 @{H}", H, 128, 128) for H in (16, 8)]
    D += [one("D first shortcut @16", 16, 3, 128), one("D shortcut @8", 8, 128, 128)]
    return G + D


NETS = {"dcgan32": lambda: dcgan(32, 128), "dcgan64": lambda: dcgan(64, 100), "sngan32": sngan}


def layers(net: str, K: int = 0) -> list[Conv]:
    """The layers of a network with K tangents per sample."""
    return [layer._replace(N=BATCH * (1 + K)) for layer in NETS[net]()]
