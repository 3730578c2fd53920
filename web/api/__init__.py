"""The JSON API under /api/v1: the same commands as the pages, for programs with a bearer token."""
