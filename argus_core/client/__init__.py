"""The one interface that front ends use, and its implementations."""
