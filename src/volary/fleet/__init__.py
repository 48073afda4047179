"""Takes one commit through many clusters: group by group, proven in each, and back again where the evidence says no.

Two controllers work in the hub. `FleetRollout` decides when a run starts and looks after pins outside of runs;
`FleetRolloutRun` takes one commit through the stages. They meet in the two objects' statuses, as everything here does.
"""
