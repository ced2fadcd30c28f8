"""Port 8080 and ``/ws``: the conversation protocol over WebSocket."""
