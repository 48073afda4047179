"""Bugs to plant into the canary's brain: each file names a module, what stands there, and what should not.

A walk of the small world that does not find one of them is not worth its time.
"""
