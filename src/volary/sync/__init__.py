"""Brings one cluster to one Git revision: Flux's GitRepository and Kustomization, driven by watches."""
