"""Clients that others wrote, unchanged, on the embedded API and on a real one: `make clients`, `make conformance`."""
