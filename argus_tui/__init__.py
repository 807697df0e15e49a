"""The terminal program: a Textual app and the command `argus`, both over `argus_core.client.base.ChatClient`."""
