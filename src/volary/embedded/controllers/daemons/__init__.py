"""DaemonSets: a pod on each node that fits."""
