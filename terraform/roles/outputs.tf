output "role_arn" {
  description = "The ARN of the role, for `role_arn` in the extra of the target's Airflow connection."
  value       = aws_iam_role.this.arn
}

output "policies" {
  description = "The policy of each runbook, as JSON."
  value       = { for name, policy in aws_iam_policy.this : name => policy.policy }
}
