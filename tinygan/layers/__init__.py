"""The layers, one family a file. A layer's docstring is its derivation: forward, tangent and adjoint.

    from tinygan.layers import BatchNorm, Conv2d, LeakyReLU
    D = tinygan.Net(Conv2d(1, 32, 4, stride=2, pad=1), BatchNorm(32), LeakyReLU(0.2))    # (N, H, W, 1) → (N, H/2, W/2, 32)

Images are channels last, (N, H, W, C). Arguments are sizes and options; weights are drawn by ``Net.init``.
"""

from tinygan.layers.attention import Attend, Scale, SelfAttention
from tinygan.layers.blur import Blur
from tinygan.layers.border import Pad
from tinygan.layers.canvas import Canvas
from tinygan.layers.conditional import ConcatCondition, FiLM, ProjectionHead
from tinygan.layers.conv import Conv2d, ConvTranspose2d
from tinygan.layers.coupling import Coupling
from tinygan.layers.filterbank import Filterbank
from tinygan.layers.fused import ConvPool2d, UpConv2d
from tinygan.layers.gates import GRUGates, LSTMGates
from tinygan.layers.linear import Linear
from tinygan.layers.maxout import Maxout
from tinygan.layers.minibatch import Closeness, MinibatchDiscrimination
from tinygan.layers.noise import Dropout, GaussianNoise
from tinygan.layers.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, PixelNorm
from tinygan.layers.pointwise import ELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from tinygan.layers.pool import LocalMeanPool, MaxPool2d
from tinygan.layers.pyramid import PyramidDown, PyramidUp
from tinygan.layers.recurrent import GRU, LSTM, GRUCell, LSTMCell, Unroll
from tinygan.layers.shape import AvgPool2d, Columns, GlobalMeanPool, GlobalSumPool, Reshape, Upsample
from tinygan.layers.softmax import LogSoftmax
from tinygan.layers.spectral import SpectralNorm
from tinygan.layers.virtual import Virtual, VirtualBatchNorm
from tinygan.layers.weightnorm import WeightNorm
from tinygan.layers.window import Read, Write

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "Attend",
    "AvgPool2d",
    "BatchNorm",
    "Blur",
    "Canvas",
    "Closeness",
    "Columns",
    "ConcatCondition",
    "Conv2d",
    "ConvPool2d",
    "ConvTranspose2d",
    "Coupling",
    "Dropout",
    "FiLM",
    "Filterbank",
    "GRUCell",
    "GRUGates",
    "GaussianNoise",
    "GlobalMeanPool",
    "GlobalSumPool",
    "GroupNorm",
    "InstanceNorm",
    "LSTMCell",
    "LSTMGates",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LocalMeanPool",
    "LogSoftmax",
    "MaxPool2d",
    "Maxout",
    "MinibatchDiscrimination",
    "Pad",
    "PixelNorm",
    "ProjectionHead",
    "PyramidDown",
    "PyramidUp",
    "ReLU",
    "Read",
    "Reshape",
    "Scale",
    "SelfAttention",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "SpectralNorm",
    "Tanh",
    "Unroll",
    "UpConv2d",
    "Upsample",
    "Virtual",
    "VirtualBatchNorm",
    "WeightNorm",
    "Write",
]
