"""CustomResourceDefinitions and their objects: structural schemas, defaults, pruning, names."""
