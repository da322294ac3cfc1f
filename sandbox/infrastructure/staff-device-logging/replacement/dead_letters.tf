resource "aws_sns_topic" "dead_letters" {
  name = "${local.prefix}-undelivered-logs"
}
