variable "prefix" { type = string }
variable "log_group" { type = string }
variable "notify_secret" { type = string }
variable "uploads_bucket" { type = string }
variable "security_groups" { type = list(string) }
variable "subnets" { type = list(string) }

data "aws_region" "this" {}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "execution" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.notify_secret]
  }

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "execution" {
  name               = "${var.prefix}-report-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.name
  policy = data.aws_iam_policy_document.execution.json
}

resource "aws_ecr_repository" "report" {
  name                 = "${var.prefix}-report"
  image_tag_mutability = "IMMUTABLE"
}

# old revisions stay: somebody may have to go back to one
resource "aws_ecs_task_definition" "report" {
  family                   = "${var.prefix}-report"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  skip_destroy             = true

  container_definitions = jsonencode([{
    name      = "report"
    image     = "${aws_ecr_repository.report.repository_url}:1"
    essential = true

    environment = [
      { name = "UPLOADS", value = var.uploads_bucket },
      { name = "LEGACY_REPORT_TOKEN", value = "plain-token-of-the-report-4f1c9a" },
    ]

    secrets = [{ name = "NOTIFY_API_KEY", valueFrom = var.notify_secret }]

    logConfiguration = {
      logDriver = "awslogs"

      options = {
        awslogs-group         = var.log_group
        awslogs-region        = data.aws_region.this.name
        awslogs-stream-prefix = "report"
      }
    }
  }])
}

resource "aws_ssm_parameter" "network" {
  name  = "/${replace(var.prefix, "-", "/")}/report-network"
  type  = "String"
  value = jsonencode({ subnets = var.subnets, securityGroups = var.security_groups })
}

output "execution_role" { value = aws_iam_role.execution.arn }
