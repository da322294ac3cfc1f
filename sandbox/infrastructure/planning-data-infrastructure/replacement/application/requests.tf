resource "aws_sqs_queue" "requests" {
  name = "${local.prefix}-requests-to-collect"
}

