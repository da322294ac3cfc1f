"""The clean-up's lines in the one comment."""

from include.review_apps.cleanup.notice import with_notice

OURS = "<!-- review-app -->\nCreated review app at https://review.example/12"


def test_lines_replace_the_last_ones_and_leave_the_rest_as_it_is():
    once = with_notice(OURS, "It will be removed.")
    assert once.startswith(OURS + "\n")
    assert "It will be removed." in once
    again = with_notice(once, "`/extend` by @bayo: it stays.")
    assert "It will be removed." not in again
    assert again.count("<!-- review-app-notice -->") == 1
    assert with_notice(again, "`/extend` by @bayo: it stays.") == again
    assert with_notice(again, "") == OURS + "\n"
