"""Settings that were renamed before version 9d216fb are read in configurations from before."""

import pytest

from tinygan.training.run import resolve


@pytest.mark.parametrize(("earlier", "today"), [(True, "batch"), (False, "none")])
@pytest.mark.parametrize(
    ("recipe", "old", "new"),
    [
        ("glo", "batch_norm", "norm_G"),
        ("dcgan", "batch_norm_G", "norm_G"),
        ("dcgan", "batch_norm_D", "norm_D"),
    ],
)
def test_a_setting_is_read_under_its_earlier_name(recipe, old, new, earlier, today):
    settings = resolve({"recipe": recipe, "settings": {old: earlier}}).settings
    assert settings == resolve({"recipe": recipe, "settings": {new: today}}).settings
    assert getattr(settings, new) == today
