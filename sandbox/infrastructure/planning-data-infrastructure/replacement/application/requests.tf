resource "aws_sns_topic" "requests" {
  name = "${local.prefix}-requests-to-collect"
}
