resource "aws_cloudwatch_log_group" "builder" {
  name              = "/districtbuilder/${var.environment}/topology-builder"
  retention_in_days = 30
}
