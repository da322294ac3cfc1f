output "vpc" {
  value = module.networking.vpc
}

output "uploads_bucket" {
  value = module.uploads.bucket
}

output "alerts_topic" {
  value = module.monitoring.topic
}

output "task_execution_role" {
  value = module.report.execution_role
}
