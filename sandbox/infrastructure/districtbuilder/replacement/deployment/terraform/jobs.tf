resource "aws_sns_topic" "jobs" {
  name = "${local.prefix}-jobs-of-the-topology-builder"
}
