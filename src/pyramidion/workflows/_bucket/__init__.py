"""Parts of publishing to a bucket and of checking one: addresses, requests, conditions, rules."""
