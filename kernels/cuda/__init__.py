"""Operations on a GPU, in CUDA C++. Nothing is imported here: only operations.py, launch.py and graph.py need CuPy."""
