"""What a dossier, a nominee, an award and a round are: their tables, their rules, their words."""
