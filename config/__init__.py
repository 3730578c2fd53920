"""What this installation has decided: editions, rules and calendars as data, and one settings reader."""
