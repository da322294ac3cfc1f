resource "aws_cloudwatch_log_group" "tasks" {
  name              = "/application/${terraform.workspace}-tasks"
  retention_in_days = 30
}
