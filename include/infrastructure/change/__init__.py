"""infrastructure_change: plan, approve and apply one commit of a target's Terraform code."""
