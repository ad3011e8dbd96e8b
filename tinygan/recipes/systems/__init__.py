"""The systems of the literature, one file each.

A new system is a new file here, and nothing else: its docstring is the algorithm with its source, then come its settings
(``core.settings.setting`` beside each field), its state, its recipe (``recipes.protocols.Recipe`` has the rules), and last

    RECIPE = RecipeSpec(name="my-gan", make=MyGAN, settings=Settings, purpose=…, about=…, when=…, card=Card(…))

The name is that of the file, with "-" for "_". Capabilities are the protocols of ``recipes.protocols`` that the class fulfils.
"""
