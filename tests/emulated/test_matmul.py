"""Products of matrices on the emulator: batches, steps of any kind and both forms of b, against float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygan.kernels.cuda import plan, plan_matmul
from tinygan.kernels.cuda.plan_matmul import Matrices

from . import emulator as emu
from .test_convolution import BOUNDS, NOWHERE, drawn

INSTANCES = [
    (form, a, tile, vector)
    for form in ("nn", "nt")
    for a in ("fp32", "tf32x3")
    for tile in ("small", "narrow")
    for vector in (4, 1)
]


def laid_out(rng, batch, m, n, order, pad, still, turned):
    """Matrices (*batch, m, n) of drawn numbers in a larger array whose axes lie in an ``order``, lines ``pad`` longer than they
    need be; along the axes ``still`` nothing moves; ``turned``: columns are lines. (the array, its view)."""
    sizes = [1 if axis in still else size for axis, size in enumerate(batch)]
    sizes += [n, m] if turned else [m, n]
    lie = [*order, 3]
    whole = rng.standard_normal([sizes[axis] for axis in lie[:-1]] + [sizes[3] + pad], np.float32)
    view = whole[..., : sizes[3]].transpose([lie.index(axis) for axis in range(4)])
    view = view.swapaxes(2, 3) if turned else view
    return whole, np.broadcast_to(view, (*batch, m, n))


def planned(a, b, arithmetic, choice=None):
    return plan_matmul.matmul(*(Matrices.of(m.shape, m.strides) for m in (a, b)), arithmetic=arithmetic, choice=choice)


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda i: f"{i[0]}-{i[1]}-{i[2]}{i[3]}")
def test_an_instance_is_the_product_of_float64_whatever_the_schedule(instance):
    form, arithmetic, tile, vector = instance
    orders, axes = st.permutations([0, 1, 2]), st.sets(st.integers(0, 1))

    @drawn
    @given(
        st.tuples(st.integers(1, 3), st.integers(1, 3)),
        *(st.integers(1, 70),) * 3,
        *(orders, orders, axes, axes),
        *(st.integers(0, 2),) * 2,
        st.sampled_from([1, 1, 2, 5]),
        st.integers(0, 99),
    )
    def holds(batch, M, K, N, order_a, order_b, still_a, still_b, pad_a, pad_b, splits, seed):
        if vector == 4:
            K, N, pad_a, pad_b = 4 * (K // 4 + 1), 4 * (N // 4 + 1), 4 * pad_a, 4 * pad_b
        rng = np.random.default_rng(seed)
        whole_a, a = laid_out(rng, batch, M, K, order_a, pad_a, still_a, False)
        whole_b, b = laid_out(rng, batch, K, N, order_b, pad_b, still_b, form == "nt")
        operation = planned(a, b, arithmetic, plan.Choice(tile, vector, splits))
        first = operation.launches(NOWHERE)[0]
        assert first.name == f"matmul_{form}_{arithmetic}_{tile}{vector}" or 1 in (K, N)
        (found,) = emu.schedules(emu.of("matmul.cu"), operation, a=whole_a, b=whole_b)
        emu.close(found, a.astype(np.float64) @ b.astype(np.float64), BOUNDS[arithmetic], np.sqrt(found.size * K))

    holds()


@pytest.mark.parametrize(
    ("batch", "M", "K", "N"), [((0, 2), 3, 4, 5), ((1, 2), 0, 4, 5), ((2, 1), 3, 0, 5), ((1, 1), 3, 4, 0)]
)
def test_nothing_times_nothing(batch, M, K, N):
    a, b = np.ones((*batch, M, K), np.float32), np.ones((*batch, K, N), np.float32)
    (found,) = emu.of("matmul.cu").apply(planned(a, b, "fp32"), a=a, b=b)
    assert np.array_equal(found, a @ b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (((1, 1, 3, 4), (0, 0, 4, 1)), ((1, 1, 5, 2), (0, 0, 2, 1))),
        (((1, 1, 3, 4), (0, 0, 1, 3)), ((1, 1, 4, 2), (0, 0, 2, 1))),
    ],
    ids=["sizes", "columns of a"],
)
def test_what_does_not_fit_is_refused(a, b):
    with pytest.raises(ValueError, match="shapes do not fit"):
        plan_matmul.matmul(Matrices(*a), Matrices(*b), arithmetic="fp32")


def test_more_columns_than_a_launch_has_room_for_are_refused():
    a, b = Matrices((1, 1, 8, 8), (0, 0, 8, 1)), Matrices((1, 1, 8, 4_400_000), (0, 0, 4_400_000, 1))
    with pytest.raises(ValueError, match="shapes do not fit"):
        plan_matmul.matmul(a, b, arithmetic="fp32")


def test_more_products_than_a_launch_has_room_for_are_refused_in_a_line():
    a = np.zeros((1, 65536, 1, 1), np.float32)
    with pytest.raises(ValueError, match="65536 products of matrices are more than a launch has room for, 65535"):
        planned(a, a, "fp32")


def test_words_of_four_are_asked_for_only_where_lines_begin_at_some():
    def chosen(in_words=True, **change):
        steps = {"a": (0, 0, 8, 1), "b": (0, 0, 12, 1)} | change
        a, b = Matrices((1, 1, 4, 8), steps["a"]), Matrices((1, 1, 8, 12), steps["b"])
        launch, *_ = plan_matmul.matmul(a, b, arithmetic="fp32", in_words=in_words).launches(NOWHERE)
        return launch.name

    assert chosen() == "matmul_nn_fp32_narrow4"
    assert {chosen(in_words=False), chosen(a=(0, 0, 9, 1)), chosen(b=(0, 0, 13, 1))} == {"matmul_nn_fp32_narrow1"}


def test_the_gram_matrices_of_many_long_tangents_are_split():
    """Of 64 samples' 8 tangents in 64x64x3 pixels: tiles alone would leave most of a chip without work."""
    T = Matrices((1, 64, 8, 12288), (0, 12288, 64 * 12288, 1))
    first, _ = plan_matmul.matmul(T, T.turned, arithmetic="tf32x3").launches(NOWHERE)
    assert first.name == "matmul_nt_tf32x3_narrow4"
    assert first.grid[2] >= 4 * plan.PROCESSORS


BUGS = {  # what is wrong: text of matmul.cu, text instead
    "b of the first of the inner axis": (" + inner * args.b_inner", ""),
    "steps of a where b's are meant": ("outer * args.b_outer", "outer * args.a_outer"),
    "all products in one place": (
        "product<T, Arithmetic, V>(args.one, problem, split, z)",
        "product<T, Arithmetic, V>(args.one, problem, split, 0)",
    ),
}


@pytest.mark.parametrize("bug", [None, *BUGS])
def test_a_planted_bug_is_noticed(bug, rng):
    old, new = BUGS.get(bug, ("", ""))
    text = "\n".join(line for line in (emu.SOURCES / "matmul.cu").read_text().splitlines() if "_tf32x3" not in line)
    assert bug is None or text.count(old) == 1
    a, b = rng.standard_normal((2, 3, 5, 8), np.float32), rng.standard_normal((2, 3, 8, 12), np.float32)
    emulator = emu.Emulator(emu.build(text.replace(old, new) if bug else text, (*emu.PLAIN[1:], "-O1")))
    (found,) = emulator.apply(planned(a, b, "fp32"), a=a, b=b)
    error = np.linalg.norm(found - a.astype(np.float64) @ b) / np.linalg.norm(a @ b)
    assert (error <= BOUNDS["fp32"]) == (bug is None)
