"""Objects kept on disk."""
