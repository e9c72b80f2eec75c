"""Who somebody is and what they may do: accounts, passwords, tokens, throttling."""
