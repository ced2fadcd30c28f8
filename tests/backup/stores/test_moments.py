"""Times in the answers of S3 services: read fast, and as botocore reads them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.utils import parse_timestamp

from digital_human_backup.stores.s3 import _moment


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-30T21:49:16.000Z",
        "2026-11-30T21:49:16Z",
        "2026-11-30T21:49:16.123456Z",
        "2026-11-30T23:49:16+02:00",
        "Mon, 30 Nov 2026 21:49:16 GMT",
        "20261130T214916Z",
        1796075356,
    ],
)
def test_a_time_is_what_botocore_takes_it_for(said: str | int) -> None:
    assert _moment(said) == parse_timestamp(said)
    assert _moment(said).utcoffset() is not None


def test_a_listing_tells_of_times_with_a_zone() -> None:
    assert _moment("2026-11-30T21:49:16.000Z") == datetime(2026, 11, 30, 21, 49, 16, tzinfo=UTC)


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid timestamp"):
        _moment("2026-11-31T21:49:16Z")
