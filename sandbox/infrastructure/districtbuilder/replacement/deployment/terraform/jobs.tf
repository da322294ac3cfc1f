resource "aws_sqs_queue" "jobs" {
  name = "${local.prefix}-jobs-of-the-topology-builder"
}
