"""Endpoints and EndpointSlices: who is behind a Service."""
