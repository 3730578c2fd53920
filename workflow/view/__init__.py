"""Dossiers as their readers see them: what a page or an answer of the API shows, already weighed by permission."""
