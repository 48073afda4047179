"""What the server refuses of built-in kinds, and what it warns of."""
