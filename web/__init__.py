"""Every door: pages, API and command line. A door parses, calls one function and renders."""
