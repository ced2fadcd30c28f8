"""
Language models behind ``interfaces.LanguageModel``; importing any of these needs no torch.

Which one a MODEL_NAME means is decided by ``naming.choose(name, urls)``, which raises ValueError
with the sentence for the person who set it. The engines are made with keywords only:

* ``builtin.BuiltinBrain(persona_name="Ada", seed=0)``: the demo brain, ready at once, no network.
* ``openai.OpenAIModel(urls=["http://host:8000/v1"], model="...", api_key_file=None, timeout=30.0,
  tries=3)``: any OpenAI-compatible server; several addresses are tried in turn.
* ``transformers.TransformersModel(model="/models/llama", precision="bf16", memory_fraction=0.85,
  compile_mode="none", max_sessions=8, context_length=8192, device=None, name=None)``: a model in
  this process, shown as ``name`` or else as ``model``.
  ``model`` is a folder or a Hub id whose snapshot is in the local cache; nothing is downloaded.

What cannot work is refused by ``start`` with ``engines.errors.Refused``, one sentence that
names the setting and the fix; the process that starts the engine shows it and ends.
"""
