"""Settings that were renamed before version 9d216fb are read in configurations from before."""

import pytest

from tinygan.training.run import resolve


@pytest.mark.parametrize(("earlier", "today"), [(True, "batch"), (False, "none")])
def test_glo_had_batch_norm_where_it_has_norm_G(earlier, today):
    assert resolve({"recipe": "glo", "settings": {"batch_norm": earlier}}).settings.norm_G == today
