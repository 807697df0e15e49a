"""Where the bytes of attachments are kept, named by their digest."""
