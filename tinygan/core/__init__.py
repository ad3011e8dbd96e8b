"""The algebra: layers on bundles, how they are composed, nets of one flat vector."""
