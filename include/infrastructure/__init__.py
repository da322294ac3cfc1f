"""Infrastructure as code: changes, rebuilds and promotions by Terraform."""
