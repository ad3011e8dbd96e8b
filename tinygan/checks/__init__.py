"""Checks of derivatives: of one layer, of a net, of all layers."""
