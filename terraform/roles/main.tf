# The role that runbooks assume in a target's account, with one policy for each runbook. README.md says how to use it.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  # each document in policies/ is written by `python -m tools.rights` from the calls that the code of a runbook makes
  documents = {
    for name in var.runbooks : name => jsondecode(file("${path.module}/policies/${name}.json"))
  }

  # every text that may hold a placeholder, with the lists of names that it is repeated for
  texts = distinct(flatten([
    for document in local.documents : [
      for statement in document.Statement : [
        statement.Resource,
        [for keys in values(try(statement.Condition, {})) : values(keys)],
      ]
    ]
  ]))
  placed = {
    for text in local.texts : text => replace(replace(replace(text,
      "$${partition}", data.aws_partition.this.partition),
      "$${region}", data.aws_region.this.name),
      "$${account}", data.aws_caller_identity.this.account_id
    )
  }
  filled = {
    for text, placed in local.placed : text => strcontains(placed, "$${") ? distinct(flatten([
      for kind, names in var.resources : [for name in names : replace(placed, "$${${kind}}", name)]
      if strcontains(placed, "$${${kind}}")
    ])) : [placed]
  }

  statements = {
    for runbook, document in local.documents : runbook => [
      for statement in document.Statement : merge(
        {
          Effect   = statement.Effect
          Action   = statement.Action
          Resource = flatten([for text in statement.Resource : local.filled[text]])
        },
        can(statement.Condition) ? {
          Condition = {
            for operator, keys in statement.Condition : operator => {
              for key, texts in keys : key => flatten([for text in texts : local.filled[text]])
            }
          }
        } : {},
      )
    ]
  }

  # a statement about kinds of resources of which the target has none grants nothing, and IAM would refuse it
  policies = {
    for runbook, statements in local.statements : runbook => {
      Version = "2012-10-17"
      Statement = [
        for statement in statements : statement
        if length(statement.Resource) > 0 && alltrue(flatten([
          for keys in values(try(statement.Condition, {})) : [for texts in values(keys) : length(texts) > 0]
        ]))
      ]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Assumed by the runbooks: ${join(", ", sort(var.runbooks))}"
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { AWS = var.trusted_principals }
      },
      var.external_id == null ? {} : { Condition = { StringEquals = { "sts:ExternalId" = [var.external_id] } } },
    )]
  })
}

resource "aws_iam_policy" "this" {
  for_each = local.policies

  name        = "${var.name}-${each.key}"
  description = "What the runbook ${each.key} calls"
  policy      = jsonencode(each.value)
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(jsonencode(each.value)) <= 6144
      error_message = "The policy of ${each.key} is longer than the 6,144 characters that IAM allows; name several resources by one pattern, such as \"my-cluster/*\"."
    }
  }
}

resource "aws_iam_role_policy_attachment" "runbook" {
  for_each = aws_iam_policy.this

  role       = aws_iam_role.this.name
  policy_arn = each.value.arn
}

resource "aws_iam_role_policy_attachment" "more" {
  for_each = var.more_policies

  role       = aws_iam_role.this.name
  policy_arn = each.value
}
