"""Operations on a GPU, in CUDA C++. Nothing is imported here: only operations.py and graph.py need CuPy."""
