"""Conversations: who may talk, what was said, who takes up whose session, and the end of a Pod."""
