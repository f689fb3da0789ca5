"""Hosts that have nothing of this package, asked over ssh by one script made of its sources."""
