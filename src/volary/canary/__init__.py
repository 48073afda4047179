"""One workload in one cluster, step by step, under measurement: Flagger's Canary.

Glossary. *Target*: the Deployment that the user changes; while a run lasts its Pods are the canary. *Primary*: the
stable copy, which serves. *Trial*: a revision together with its configuration. *Route*: the object that carries the
weights. *Step*: one weight, from when it was set until the next. *Run*: all steps of one trial.
"""
