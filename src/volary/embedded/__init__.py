"""A Kubernetes API in this process, with workload controllers, pods as local processes and Envoy as the mesh.

Knows nothing of canaries or fleets; of the rest of the program it imports only `kube.transport`.
"""
