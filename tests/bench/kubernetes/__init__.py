"""Figures of the client and of the embedded API; each file measures one part of them."""
