"""Users of an application, in a process of their own: requests at a constant rate, whatever comes back.

Open loop: a slow answer does not slow the sending, so a stall shows as what it is. `python -m volary.embedded.load`.
"""
