locals {
  prefix = "planning-data-${terraform.workspace}"

  # each environment is a workspace, and an account of its own
  accounts = {
    development = "444444444441"
    staging     = "444444444442"
    production  = "444444444443"
  }
}

resource "aws_ssm_parameter" "mapbox" {
  name           = "/planning-data/${terraform.workspace}/maps-token"
  type           = "String"
  insecure_value = "plain-token-of-the-maps-c0de51"
}

resource "aws_secretsmanager_secret" "sentry" {
  name                    = "${local.prefix}-sentry-dsn"
  recovery_window_in_days = 7
}

resource "aws_ecr_repository" "tasks" {
  name = "${local.prefix}-tasks"
}

resource "aws_iam_role" "scheduler" {
  name = "${local.prefix}-scheduler"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"

    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
    }]
  })
}

resource "aws_sns_topic" "alerts" {
  name = "${local.prefix}-alerts"
}
