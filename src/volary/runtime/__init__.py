"""What every controller is made of: informers, a queue, passes, a clock. Knows no feature.

Glossary. *Informer*: a cache of one kind, kept true by a watch. *Key*: NAMESPACE/NAME, all that a queue holds.
*Pass*: observe, decide, act, once, for one key. *Feature*: the four functions a pass is made of.
*Cluster*: one API server with its client, informers, events and the way to its services.
"""
