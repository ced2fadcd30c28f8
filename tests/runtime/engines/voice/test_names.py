"""Which voice a name means."""

import pytest

from digital_human_runtime.engines.voice.espeak.names import VoiceNames
from digital_human_runtime.errors import BadInput

NAMES = VoiceNames(
    {
        "en-gb": "gmw/en",
        "en-us": "gmw/en-US",
        "de": "gmw/de",
        "fr-fr": "roa/fr",
        "fr-be": "roa/fr-BE",
        "cmn": "sit/cmn",
        "yue": "sit/yue",
        "nb": "gmq/nb",
        "es-419": "roa/es-419",
        "es": "roa/es",
        "pt-br": "roa/pt-BR",
    },
    ("f3", "klatt", "klatt2"),
)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("en-us", "gmw/en-US"),
        ("en-US", "gmw/en-US"),
        ("en_US", "gmw/en-US"),
        ("en", "gmw/en"),
        ("en-AU", "gmw/en"),
        ("de-AT-1996", "gmw/de"),
        ("fr", "roa/fr"),
        ("fr-CA", "roa/fr"),
        ("fr-BE", "roa/fr-BE"),
        ("zh-CN", "sit/cmn"),
        ("zh-Hans-CN", "sit/cmn"),
        ("zh-HK", "sit/yue"),
        ("no", "gmq/nb"),
        ("es-MX", "roa/es-419"),
        ("es-ES", "roa/es"),
        ("pt-BR", "roa/pt-BR"),
        ("en-us+f3", "gmw/en-US+f3"),
        ("de-CH+klatt2", "gmw/de+klatt2"),
        ("en-us+", "gmw/en-US"),
    ],
)
def test_knows_tags_and_speakers(name: str, known: str) -> None:
    assert NAMES.resolve(name) == known


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("xx", "voice: there is no language 'xx'"),
        ("", "voice: there is no language ''"),
        ("en-uss", None),
        ("dee", "voice: there is no language 'dee'; near are de"),
        ("en-us+klat", "voice: there is no speaker variant 'klat'; near are klatt"),
        ("../../etc/passwd", "voice: there is no language '../../etc/passwd'"),
        ("en-us+../x", "voice: there is no speaker variant '../x'"),
    ],
)
def test_refuses_others_with_near_names(name: str, sentence: str | None) -> None:
    if sentence is None:
        assert NAMES.resolve(name) == "gmw/en"  # an unknown region is spoken as the language
        return
    with pytest.raises(BadInput) as refused:
        NAMES.resolve(name)
    assert refused.value.message.startswith(sentence)
