"""What this installation has decided: editions, rules, calendars as data, and the reader of the environment."""
