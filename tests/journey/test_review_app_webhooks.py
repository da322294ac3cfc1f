"""A pull request from its opening to its end on real Airflow, moved by GitHub's webhooks alone, as people read it."""

import re
import shutil

import boto3
import httpx
import psycopg
import pytest

from include.inventory import load
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.external_services.credentials import github_token, webhook_secret
from tests.support.sandbox_client import wait_for

pytestmark = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on the PATH")

OWNER, CORE = "example-housing", "example-housing/core"
TIMEOUT = 900.0  # seconds for a deployment with its build, or a teardown
MOMENT = re.compile(r"20[0-9-]+ [0-9:]+ UTC")


class PullRequest:
    """A pull request as its author sees it. Everything that happens is a delivery of a webhook to the front door."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self._add_webhook()
        opened = self._act("open", text="A better form")
        self.number, self.commit = opened["number"], opened["commit"]

    def _add_webhook(self):
        config = {
            "url": f"{self.sandbox.endpoints['airflow']}/door/github/{OWNER}",
            "content_type": "json",
            "secret": webhook_secret(OWNER),
        }
        answer = httpx.post(
            f"{self.sandbox.endpoints['external_services']}/github/api/v3/repos/{CORE}/hooks",
            json={"name": "web", "events": ["pull_request", "issue_comment"], "config": config},
            headers={"Authorization": f"Bearer {github_token(OWNER)}"},
        )
        assert answer.status_code == 201, answer.text

    def _act(self, does, **given):
        answer = self.sandbox.control.post("/github/pulls", json={"repository": CORE, "does": does, **given})
        return answer.raise_for_status().json()

    def does(self, does, **given):
        """Do something as its author does, and return the commit that the pull request is at then."""
        self.commit = self._act(does, number=self.number, **given)["commit"]
        return self.commit[:12]

    @property
    def _core(self):
        repositories = self.sandbox.control.get("/github").raise_for_status().json()["repositories"]
        return next(repository for repository in repositories if repository["name"] == CORE)

    @property
    def comments(self):
        return next((issue["comments"] for issue in self._core["issues"] if issue["number"] == self.number), [])

    @property
    def texts(self):
        """Return all that the one comment has said, in order, without its marks."""
        said = [comment for comment in self.comments if "<!-- review-app -->" in comment["body"]]
        assert len(said) <= 1
        return [
            re.sub(r"<!--.*?-->\n?", "", text).strip() for each in said for text in (*each["earlier"], each["body"])
        ]

    @property
    def deployments(self):
        """Return the states that GitHub was told of each deployment, by its commit."""
        mine = [
            deployment
            for deployment in self._core["deployments"]
            if deployment["environment"] == f"review-{self.number}"
        ]
        return [(each["sha"][:12], each["states"]) for each in mine]

    def reads(self, words):
        """Wait until the comment says something."""
        wait_for(
            lambda: f"the comment to say {words!r}: {self.texts}",
            lambda: any(words in text for text in self.texts[-1:]),
            TIMEOUT,
        )


def left(sandbox, number):
    """Return what of an app is left, by AWS and PostgreSQL themselves."""
    app = load().target(f"core/review-{number}")
    place, name = app.environment, f"core-review-{number}"

    def client_of(service, account=place.account):
        common = {"endpoint_url": sandbox.endpoints["aws"], "region_name": place.region}
        base = boto3.client("sts", **common, aws_access_key_id="sandbox", aws_secret_access_key="sandbox")
        key = base.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{SOMEBODY}", RoleSessionName="tests")[
            "Credentials"
        ]
        return boto3.client(
            service,
            **common,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key["SessionToken"],
        )

    ecs = client_of("ecs")
    described = ecs.describe_clusters(clusters=[f"{name}-app"])["clusters"]
    families = [*(each.family for each in place.services), place.one_off.family]
    definitions = [ecs.list_task_definitions(familyPrefix=family)["taskDefinitionArns"] for family in families]
    tags = [
        tag
        for page in client_of("ecr", app.registry.account)
        .get_paginator("describe_images")
        .paginate(repositoryName="core")
        for image in page["imageDetails"]
        for tag in image.get("imageTags", ())
    ]
    states = client_of("s3").list_objects_v2(Bucket=place.terraform.state_bucket, Prefix=f"env:/{number}/")
    with psycopg.connect(f"{sandbox.endpoints['postgres']}/postgres") as server:
        names = [name for (name,) in server.execute("SELECT datname FROM pg_database")]
    return {
        "clusters": [
            each for each in described if each["status"] != "INACTIVE"
        ],  # as AWS shows a deleted one for a while
        "task definitions": [arn for arns in definitions for arn in arns],
        "log groups": client_of("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"],
        "tags": [tag for tag in tags if tag.startswith(f"review-{number}-")],
        "workspaces": [each["Key"] for each in states.get("Contents", ())],
        "databases": [each for each in names if each == name],
    }


def serving(number, commit):
    return (
        f"Created review app at https://review.submit-social-housing.example/{number}\n\n"
        f"It serves commit {commit}. It is taken down when the pull request is closed or loses the label `review-app`, and 30 days "
        "after the last push, comment or command.\n\n"
        "Commands, one a comment: `/deploy`, `/extend 7d`, `/reset-db`, `/sleep`, `/wake`, `/status`, `/teardown`."
    )


def test_pull_request_gets_and_loses_its_app_by_webhooks_alone(sandbox):
    pull = PullRequest(sandbox)
    number, url = pull.number, f"https://review.submit-social-housing.example/{pull.number}"
    first = pull.does("label", label="review-app")
    pull.reads(f"commit {first} is being deployed")
    second = pull.does("push", text="A still better form")
    pull.reads(f"It serves commit {second}")
    pull.does("comment", text="/extend 7d")
    pull.reads("`/extend` by @amelia")
    pull.does("close")
    pull.reads("it was taken down")
    pull.does("reopen")
    pull.reads(f"It serves commit {second}")
    pull.does("close")
    pull.reads("it was taken down")
    deploying, gone = (
        "Review app: commit {} is being deployed to {}.",
        "Review app: it was taken down, with its database.",
    )
    extended = "`/extend` by @amelia: it stays until <moment>, or longer if somebody uses it."
    assert [MOMENT.sub("<moment>", text) for text in pull.texts] == [
        deploying.format(first, url),
        f"Review app: the deployment of commit {first} has ended: pull request {number} was pushed to, and is at commit {second} by now.",
        deploying.format(second, url),
        serving(number, second),
        f"{serving(number, second)}\n\n{extended}",
        gone,
        deploying.format(second, url),
        serving(number, second),
        gone,
    ]
    assert [(comment["author"], comment["reactions"]) for comment in pull.comments] == [
        ("runbooks-bot", []),
        ("amelia", ["eyes"]),
    ]
    assert pull.deployments == [
        (first, ["in_progress", "inactive"]),
        (second, ["in_progress", "success", "inactive", "in_progress", "success", "inactive"]),
    ]
    for what, found in left(sandbox, number).items():
        assert not found, what
