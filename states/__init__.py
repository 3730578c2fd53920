"""The grammar of a workflow: pure values and functions, no database and no web."""
