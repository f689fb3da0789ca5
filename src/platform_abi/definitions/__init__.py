"""Definition files become a catalogue: search path, TOML, validation, inheritance, editions."""
