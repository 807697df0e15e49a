"""The least a Textual program can be: what Argus is measured against."""
