"""Signatures of webhooks: the published examples, and everything that may be wrong with one."""

import base64
from datetime import UTC, datetime

import pytest

from onward.contract import signing

# The example of the Standard Webhooks specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = datetime.fromtimestamp(1614265330, UTC)
SIGNED = {
    "message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "timestamp": "1614265330",
    "signatures": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "body": BODY,
}
OTHER = signing.new_secret(bytes(range(32)))


def test_the_example_of_the_specification_is_signed_and_verified():
    assert signing.sign(SECRET, SIGNED["message_id"], AT, BODY) == SIGNED["signatures"]
    assert signing.verified([SECRET], **SIGNED) == AT


def test_while_a_secret_is_changed_either_fits():
    assert signing.verified([OTHER, SECRET], **SIGNED) == AT
    both = f"v1,{base64.b64encode(bytes(32)).decode()} {SIGNED['signatures']}"
    assert signing.verified([SECRET], **{**SIGNED, "signatures": both}) == AT


@pytest.mark.parametrize(
    "changed",
    [
        {"body": BODY + b" "},
        {"message_id": "msg_other"},
        {"message_id": ""},
        {"timestamp": "1614265331"},
        {"timestamp": "-1614265330"},
        {"timestamp": "soon"},
        {"signatures": ""},
        {"signatures": "v1,"},
        {"signatures": "v2," + SIGNED["signatures"][3:]},
        {"signatures": "v1,!!!!"},
    ],
)
def test_whatever_is_changed_after_signing_is_found_out(changed):
    assert signing.verified([SECRET], **{**SIGNED, **changed}) is None


def test_another_secret_and_none_at_all_verify_nothing():
    assert signing.verified([OTHER], **SIGNED) is None
    assert signing.verified([], **SIGNED) is None


def test_the_example_of_github_is_verified_and_nothing_else():
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret, body = "It's a Secret to Everybody", b"Hello, World!"

    assert signing.verified_as_github([secret], signature=signature, body=body)
    assert not signing.verified_as_github(["another"], signature=signature, body=body)
    assert not signing.verified_as_github([secret], signature=signature, body=b"Hello, World?")
    assert not signing.verified_as_github([secret], signature="sha256=é", body=body)
