"""Who asks, and may they: authentication, RBAC, impersonation, tokens of accounts, reviews."""
