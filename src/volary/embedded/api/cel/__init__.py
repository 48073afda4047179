"""The rules in CEL that custom resources carry."""
