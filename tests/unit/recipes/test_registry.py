"""A system is one file: the registry finds it by its name, imports it alone, and lists it by its purpose."""

import subprocess
import sys

import pytest

from tinygan.errors import UsageError
from tinygan.recipes import RECIPES, get_recipe, registry, systems
from tinygan.recipes.catalogue import by_purpose, choices, cpu_only, markdown
from tinygan.recipes.spec import PURPOSES

FILE = '''"""A system that a test adds."""

from dataclasses import dataclass

from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """Those of all."""

    width: int = 7


RECIPE = RecipeSpec(
    name="my-gan",
    make=Unconditional,
    settings=Settings,
    purpose="images without labels",
    about="what it is",
    when="when to take it",
    card=Card(paper="Nobody et al. 1999", objective="a loss", headline="a result", file="nothing.json"),
)
'''


@pytest.fixture
def my_gan(tmp_path, monkeypatch):
    (tmp_path / "my_gan.py").write_text(FILE)
    monkeypatch.setattr(systems, "__path__", [*systems.__path__, str(tmp_path)])
    registry.names.cache_clear()
    yield
    registry.names.cache_clear()
    sys.modules.pop(f"{systems.__name__}.my_gan", None)


def test_a_new_file_is_a_new_system_everywhere(my_gan):
    assert get_recipe("my-gan").settings().width == 7
    assert list(RECIPES) == sorted(RECIPES) and "my-gan" in RECIPES
    first, second, *_ = by_purpose()["images without labels"]
    assert (first.name, second.name) == ("dcgan", "my-gan"), "the first choice, and then the earliest paper"
    for text in (markdown(), choices()):
        assert "my-gan" in text


@pytest.mark.parametrize("name", RECIPES)
def test_a_system_is_named_as_its_file_and_says_all_of_itself(name):
    spec = RECIPES[name]
    assert spec.name == name
    assert sys.modules[f"tinygan.recipes.systems.{name.replace('-', '_')}"].RECIPE is spec
    assert all((spec.about, spec.when, spec.card.paper, spec.card.objective, spec.card.headline))
    assert spec.settings().__hash__ and not spec.about.endswith(".") and not spec.when.endswith(".")


def test_looking_a_system_up_imports_the_files_that_it_needs_and_no_others():
    code = (
        "import sys; from tinygan.recipes import get_recipe; get_recipe('wgan-gp'); "
        "print([m for m in sys.modules if m.startswith('tinygan.recipes.systems.')])"
    )
    done = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert done.strip() == "['tinygan.recipes.systems.wgan_gp']"


def test_every_purpose_has_systems_and_every_system_one_purpose():
    groups = by_purpose()
    assert tuple(groups) == PURPOSES and all(groups.values())
    assert sorted(spec.name for specs in groups.values() for spec in specs) == list(RECIPES)


def test_the_systems_that_train_on_the_cpu_only_are_those_that_say_so():
    assert cpu_only() == ["classifier", "cyclegan", "gan-cls", "glo", "lgan-semi", "scratchgan", "sgan"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dcgn", "unknown recipe 'dcgn' (did you mean dcgan?); the recipes are acgan, began,"),
        ("wgan_gp", "unknown recipe 'wgan_gp' (did you mean wgan-gp?)"),
        ("__init__", "unknown recipe '__init__'"),
        (5, "unknown recipe 5"),
        ("width=3", "each setting has its own --set"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, words):
    with pytest.raises(UsageError) as refused:
        get_recipe(name)
    assert words in str(refused.value)
