"""Server-side apply and managedFields: who owns which field, and who may take it."""
