"""Deployments and ReplicaSets: from one template to the next."""
