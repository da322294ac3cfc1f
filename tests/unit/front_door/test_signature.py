"""GitHub's signature of a delivery."""

from include.front_door.signature import fits, has_form

# the example of GitHub's documentation, "Validating webhook deliveries"
SECRET, BODY = "It's a Secret to Everybody", b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_documented_example_fits():
    assert fits(SECRET, BODY, SIGNATURE)


def test_anything_else_does_not():
    assert not fits(SECRET, BODY + b" ", SIGNATURE)
    assert not fits("another secret", BODY, SIGNATURE)
    assert not fits(SECRET, BODY, SIGNATURE.upper())
    assert not fits(SECRET, BODY, None)


def test_no_secret_fits_nothing_not_even_its_own_signature():
    import hmac
    from hashlib import sha256

    own = "sha256=" + hmac.new(b"", BODY, sha256).hexdigest()
    assert not fits("", BODY, own)


def test_form_is_told_before_a_body_is_read():
    assert has_form(SIGNATURE)
    for wrong in (
        None,
        "",
        "sha1=757107ea0eb2509fc211221cce984b8a37570b6d",
        SIGNATURE[:-1],
        f"{SIGNATURE}0",
        "sha256=é",
    ):
        assert not has_form(wrong)
