resource "aws_secretsmanager_secret" "email" {
  name                    = "MONITORING_EMAIL"
  description             = "Who gets the alerts: one address, as plain text"
  recovery_window_in_days = 7
}

output "email_secret" { value = aws_secretsmanager_secret.email.arn }
