"""What this installation has decided: editions, rules and calendars as data, and the one reader of the environment."""
