"""Close codes, and the content of a close frame."""

from __future__ import annotations

import pytest

from trioweb import Close, CloseCode
from trioweb.closing import complaint, is_sendable_code

RESERVED = {1004, 1005, 1006, 1015}


@pytest.mark.parametrize("code", [*range(990, 1030), 2999, 3000, 3999, 4000, 4999, 5000, 65_536, -1])
def test_a_code_can_be_sent_if_the_registry_or_an_application_may_give_it_a_meaning(code):
    is_registered = 1000 <= code <= 1014 and code not in RESERVED
    assert is_sendable_code(code) is (is_registered or 3000 <= code <= 4999)
    assert (complaint(code, "") is None) is is_sendable_code(code)


def test_a_reason_fits_in_123_bytes_of_utf_8():
    assert complaint(1000, "x" * 123) is None
    assert complaint(1000, "é" * 61) is None
    assert "124 bytes" in (complaint(1000, "é" * 62) or "")
    assert "124 bytes" in (complaint(1000, "x" * 124) or "")


def test_a_close_can_be_unpacked_shown_and_compared():
    code, reason = Close(4000, "bye")
    assert (code, reason) == (4000, "bye")
    assert (str(Close(4000, "bye")), str(Close(1005))) == ("4000 bye", "1005")
    assert str(Close(4000, "née\n\x1b[2J")) == "4000 née\\n\\x1b[2J"
    assert (
        Close(1000, received_first=True)
        == Close(1000, received_first=False)
        == Close(CloseCode.NORMAL_CLOSURE)
    )
    assert Close(1000) != Close(1001)
