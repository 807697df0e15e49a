"""What text may reach a screen (`clean`) and how words are compared (`fold`)."""
