"""How a derivative is trusted."""
