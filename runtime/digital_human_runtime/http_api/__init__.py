"""Port 8000: chat, the OpenAI-compatible endpoints, the avatar page, and ``/ws``."""
