"""A pull request from its opening to its end: which runs its events start, one after the other."""


def test_each_event_of_a_pull_request_starts_what_it_needs_once(opened, airflow_rows):
    first = opened.does("label", label="review-app")["commit"]
    second = opened.does("push")["commit"]
    opened.says("Looks good to me")
    opened.says("/extend 7d")
    for each in ("close", "reopen", "close", "reopen"):
        opened.does(each)
    opened.does("unlabel", label="review-app")
    opened.does("close")
    deploy, take_down = "review_app_deployment", "review_app_teardown"
    runs = [(dag_id, conf.get("commit")) for dag_id, _, _, conf in airflow_rows.runs()]
    assert runs == [
        (deploy, first),
        (deploy, second),
        (take_down, None),
        (deploy, second),
        (take_down, None),
        (deploy, second),
        (take_down, None),
    ]
    assert {conf["target"] for *_, conf in airflow_rows.runs()} == {f"core/review-{opened.number}"}
    results = [each.get("result") for told in opened.told for each in told["results"] or [told]]
    assert results == [
        "ignored",  # opened, without the label
        "started",
        "started",
        "ignored",  # a comment that is no command
        "done",
        *["started"] * 5,
        "ignored",  # closed, without the label
    ]
