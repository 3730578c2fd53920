"""Loads the services that tests may start, before any test module imports them."""

pytest_plugins = ["tests.outcome", "tests.names", "tests.services.postgres", "tests.services.fixtures"]
