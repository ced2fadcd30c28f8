"""The API: pydantic models are its only definition; ``crds/`` is generated from them."""
