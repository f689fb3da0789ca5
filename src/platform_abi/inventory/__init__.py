"""The hosts and virtual machines of a fleet, kept in a store, and what is asked of all of them."""
