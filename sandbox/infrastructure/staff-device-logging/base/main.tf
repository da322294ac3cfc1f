locals {
  prefix = "staff-device-${terraform.workspace}-infra"

  # each environment is a workspace, and an account of its own
  accounts = {
    development    = "333333333331"
    pre-production = "333333333332"
    production     = "333333333333"
  }
}

resource "aws_s3_bucket" "artifacts" {
  bucket = "${local.prefix}-functionbeat-artifacts"
}

resource "aws_iam_role" "shipper" {
  name = "${local.prefix}-shipper"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"

    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "shipper" {
  name = "ship-logs"
  role = aws_iam_role.shipper.name

  policy = jsonencode({
    Version = "2012-10-17"

    Statement = [{
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = aws_sns_topic.dead_letters.arn
    }]
  })
}

resource "aws_ssm_parameter" "elastic_username" {
  name  = "/staff-device/${terraform.workspace}/elastic-username"
  type  = "String"
  value = var.elastic_username
}

resource "aws_ssm_parameter" "elastic_password" {
  name  = "/staff-device/${terraform.workspace}/elastic-password"
  type  = "SecureString"
  value = var.elastic_password
}

resource "aws_ssm_parameter" "syslog_cidr" {
  name  = "/staff-device/${terraform.workspace}/syslog-cidr"
  type  = "String"
  value = var.syslog_cidr
}

resource "aws_sns_topic" "alerts" {
  name         = "${local.prefix}-alerts"
  display_name = "Logs of staff devices, ask ${var.owner_email}"
}
