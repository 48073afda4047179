"""Texts as Go and Kubernetes write them: quantities, durations, labels, YAML, values in messages."""
