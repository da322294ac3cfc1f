output "artifacts_bucket" {
  value = aws_s3_bucket.artifacts.bucket
}

output "dead_letters_topic" {
  value = aws_sns_topic.dead_letters.arn
}

output "shipper_role" {
  value = aws_iam_role.shipper.arn
}

output "syslog_log_group" {
  value = aws_cloudwatch_log_group.syslog.name
}
