"""Measurements on a GPU; ``bash bench/device.sh`` runs all of them."""
