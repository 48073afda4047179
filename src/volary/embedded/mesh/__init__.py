"""The mesh of an embedded cluster: Services and VirtualServices become the configuration of one real Envoy.

Pure: `translate` (objects -> Envoy's resources) and what it is made of. With I/O: `binary`, `envoy` (the process),
`admin` (its counters), `publish` (files, in an order that loses no request), `mesh` (watches and joins them).
"""
