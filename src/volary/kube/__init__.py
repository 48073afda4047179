"""One API server, as the rest of the program sees it: a seam, a client, typed errors."""
