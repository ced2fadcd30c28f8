"""The API: pydantic models are its only definition; the CRDs in ``crds/`` are generated from them."""
