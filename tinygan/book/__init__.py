"""The reference pages, ``tinygan/book/reference/*.md``, most of them made from the code.

``python -m tinygan.book`` writes the pages anew; with ``--check`` it writes nothing and exits with 1 where a page differs.
The pages ``statistics``, ``environment`` and ``files`` are written by hand; tests compare them with the code.
"""
