from digital_human_runtime.settings import reference
from digital_human_runtime.settings.environment import Environment


def test_the_reference_is_what_the_models_say() -> None:
    """Else write it again: python -m digital_human_runtime.settings.reference."""
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()


def test_every_variable_is_documented() -> None:
    text = reference.page()
    for name, field in Environment.model_fields.items():
        assert f"`{name.upper()}`" in text
        assert field.description, name
