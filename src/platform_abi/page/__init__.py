"""A fleet as pages to look at: one folder that a browser opens without a server or a network."""
