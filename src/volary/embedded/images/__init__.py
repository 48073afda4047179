"""Programs that pods run: whole programs of their own, standard library only, started by `launch.py`."""
