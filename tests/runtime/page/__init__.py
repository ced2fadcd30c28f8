"""The avatar page in a real headless Chromium, against a server that follows the protocol page."""
