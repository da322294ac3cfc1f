resource "aws_cloudwatch_log_group" "builder" {
  name              = "/districtbuilder/${var.environment}/topology-builder"
  retention_in_days = 90
}

resource "aws_ssm_parameter" "support" {
  name  = "/districtbuilder/${var.environment}/support-address"
  type  = "String"
  value = "support@maps.example"
}
