"""Rows, bytes, evidence and outgoing promises, kept safe without knowing what they mean."""
