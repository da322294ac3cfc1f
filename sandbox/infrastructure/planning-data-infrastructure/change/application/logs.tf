resource "aws_cloudwatch_log_group" "tasks" {
  name              = "/application/${terraform.workspace}-tasks"
  retention_in_days = 90
}

resource "aws_ssm_parameter" "support" {
  name  = "/planning-data/${terraform.workspace}/support-address"
  type  = "String"
  value = "support@planning.example"
}
