"""What is measured on a GPU; ``bash bench/device.sh`` runs all of it."""
