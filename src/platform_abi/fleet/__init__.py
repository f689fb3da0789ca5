"""Many host reports: read as a stream, merged, and what they have in common."""
