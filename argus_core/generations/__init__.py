"""Answers that outlive their readers: started, logged before they are shown, ended exactly once."""
