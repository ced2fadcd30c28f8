"""Language models: the builtin demo brain, OpenAI-compatible servers, transformers in process."""
