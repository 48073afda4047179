"""One node: pods as processes of this computer, or as processes that are only said to run."""
