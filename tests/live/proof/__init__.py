"""The random proof: what is said of a migration before it begins, held against what happens."""
