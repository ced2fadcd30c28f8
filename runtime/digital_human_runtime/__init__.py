"""What runs in a digital human's Pod: a language model that talks, with a voice and a face."""
