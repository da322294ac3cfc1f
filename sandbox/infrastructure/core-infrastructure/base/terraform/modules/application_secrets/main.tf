# people enter the values in AWS, so no value is in the state
resource "aws_secretsmanager_secret" "notify" {
  name        = "GOVUK_NOTIFY_API_KEY"
  description = "The key of the service that sends e-mails"
}

resource "aws_secretsmanager_secret" "maps" {
  name        = "OS_DATA_KEY"
  description = "The key of the service that finds addresses"
}

output "notify_secret" { value = aws_secretsmanager_secret.notify.arn }
