"""The only hand that changes a dossier: lock, ask, move, record, promise."""
