"""The pages: each parses, calls one function of the workflow, renders."""
