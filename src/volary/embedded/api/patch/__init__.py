"""PATCH by merge, by strategic merge and by JSON patch."""
