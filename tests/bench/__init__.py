"""How fast it is, as ratios inside one run: each thing beside its floor, order alternating, medians compared."""
