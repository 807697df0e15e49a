"""Who may come in: emails, passwords, tokens, sessions, invites, and what holds back those who guess."""
