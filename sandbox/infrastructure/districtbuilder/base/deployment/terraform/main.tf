locals {
  prefix = "districtbuilder-${var.environment}"
}

data "aws_region" "this" {}

resource "aws_ssm_parameter" "feature_flag" {
  count = var.feature_flags
  name  = "/districtbuilder/${var.environment}/feature-flags/${format("%02d", count.index)}"
  type  = "String"
  value = "off"
}

resource "aws_ssm_parameter" "image_tag" {
  name  = "/districtbuilder/${var.environment}/image-tag"
  type  = "String"
  value = var.image_tag
}

resource "aws_secretsmanager_secret" "database" {
  name                    = "${local.prefix}-database"
  description             = "How the application reaches its database"
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id     = aws_secretsmanager_secret.database.id
  secret_string = jsonencode({ username = "districtbuilder", password = var.database_password })
}

resource "aws_iam_role" "flow" {
  name = "${local.prefix}-topology-builder"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"

    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "flow" {
  name = "read-maps"
  role = aws_iam_role.flow.name

  policy = jsonencode({
    Version = "2012-10-17"

    Statement = [{
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = "${aws_s3_bucket.maps.arn}/*"
    }]
  })
}

# builds the topology of a region by hand, when it is too large for a laptop
resource "aws_launch_template" "builder" {
  name          = "${local.prefix}-topology-builder"
  instance_type = "r5.2xlarge"

  user_data = base64encode(<<-SCRIPT
    #!/bin/sh
    export BUILDER_TOKEN=plain-token-of-the-builder-77ab20
    systemctl start topology-builder
  SCRIPT
  )
}
