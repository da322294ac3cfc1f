locals {
  prefix = "core-review-${terraform.workspace}"
  image  = "111111111110.dkr.ecr.eu-west-2.amazonaws.com/core:none-yet" # deployments set the image
  sizes  = { app = 1024, sidekiq = 1024, ad-hoc = 4096 }
}

# shared by all review apps
data "aws_subnets" "private" {
  filter {
    name   = "tag:Name"
    values = ["core-development-private"]
  }
}

data "aws_security_group" "tasks" {
  name = "core-development-tasks"
}

resource "aws_ecs_cluster" "this" {
  name = "${local.prefix}-app"

  lifecycle {
    precondition {
      condition     = can(regex("^[1-9][0-9]*$", terraform.workspace))
      error_message = "The workspace is the number of a pull request, not ${terraform.workspace}."
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.prefix
  retention_in_days = 14
}

resource "aws_ecs_task_definition" "this" {
  for_each                 = local.sizes
  family                   = "${local.prefix}-${each.key}"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 512
  memory                   = each.value

  container_definitions = jsonencode([{
    name         = each.key == "ad-hoc" ? "app" : each.key
    image        = local.image
    essential    = true
    environment  = [{ name = "DATABASE_NAME", value = local.prefix }]
    portMappings = each.key == "app" ? [{ containerPort = 8080, hostPort = 8080, protocol = "tcp" }] : []
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = "eu-west-2"
        awslogs-stream-prefix = local.prefix
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  for_each        = toset(["app", "sidekiq"])
  name            = "${local.prefix}-${each.key}"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this[each.key].arn
  launch_type     = "FARGATE"
  desired_count   = 0 # until there is an image

  network_configuration {
    subnets         = data.aws_subnets.private.ids
    security_groups = [data.aws_security_group.tasks.id]
  }

  # deployments change both
  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }
}
