"""What kubectl get shows of a status fits a terminal."""

import pytest

from digital_human_operator.api.v1alpha1.status import Effective


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("llama3:70b", "llama3:70b"),
        ("meta-llama/Meta-Llama-3-70B", "meta-llama/Meta-Llama-3-70B"),
        ("meta-llama/Meta-Llama-3-70B-Instruct", "Meta-Llama-3-70B-Instruct"),
        ("a/" + "b" * 250, "b" * 25 + "..."),
        ("a" * 40 + "/", "a" * 25 + "..."),
        ("builtin", "builtin"),
    ],
)
def test_long_models_are_shown_short(model: str, shown: str) -> None:
    found = Effective(model=model)
    assert found.model == shown
    assert Effective.model_validate(found.model_dump(by_alias=True)) == found
