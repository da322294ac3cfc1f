variable "prefix" { type = string }
variable "vpc" { type = string }
variable "subnets" { type = list(string) }
variable "load_balancer" { type = bool }

data "aws_caller_identity" "this" {}

resource "aws_s3_bucket" "access_logs" {
  bucket = "${var.prefix}-load-balancer-access-logs"
}

resource "aws_s3_bucket_versioning" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  versioning_configuration {
    status = "Enabled"
  }
}

data "aws_iam_policy_document" "access_logs" {
  statement {
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.access_logs.arn}/AWSLogs/${data.aws_caller_identity.this.account_id}/*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::652711504416:root"] # Elastic Load Balancing's own account in London
    }
  }
}

resource "aws_s3_bucket_policy" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id
  policy = data.aws_iam_policy_document.access_logs.json
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.prefix}-load-balancer"
  description = "What reaches the load balancer"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_ingress_rule" "http" {
  security_group_id = aws_security_group.load_balancer.id
  cidr_ipv4         = "0.0.0.0/0"
  from_port         = 80
  to_port           = 80
  ip_protocol       = "tcp"
}

resource "aws_lb" "this" {
  count                      = var.load_balancer ? 1 : 0
  name                       = "${var.prefix}-front"
  load_balancer_type         = "application"
  subnets                    = var.subnets
  security_groups            = [aws_security_group.load_balancer.id]
  enable_deletion_protection = true
  drop_invalid_header_fields = true

  access_logs {
    bucket  = aws_s3_bucket_policy.access_logs.bucket
    enabled = true
  }
}

resource "aws_lb_target_group" "application" {
  count       = var.load_balancer ? 1 : 0
  name        = "${var.prefix}-front"
  port        = 8080
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = var.vpc

  health_check {
    path    = "/health"
    matcher = "204"
  }
}

resource "aws_lb_listener" "http" {
  count             = var.load_balancer ? 1 : 0
  load_balancer_arn = aws_lb.this[0].arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.application[0].arn
  }
}

output "access_logs_bucket" { value = aws_s3_bucket.access_logs.bucket }
