"""Load on a running human: chats over HTTP, and whole conversations whose lips are checked."""
