"""The compatibility site: what the definitions say of platforms, machine types, builds, features.

Pages are values first, then HTML, then files in a folder. Nothing but a catalogue decides a byte.
"""
