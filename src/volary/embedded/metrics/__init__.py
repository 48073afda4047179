"""Traffic as metrics: Envoy's counters under Istio's names, a short memory of them, and queries over that.

Measured at the embedded gateway, not by a proxy beside each pod: a retried request counts once, with its last answer.
"""
