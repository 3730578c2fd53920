"""Wrong editions; the first lines of each say what the loader must answer."""
