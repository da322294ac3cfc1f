terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # the bucket, its key, the region and the lock table are given to `terraform init`; the workspace is the pull request's number
  backend "s3" {}
}

# credentials and region come from the environment; another account than this one is refused
provider "aws" {
  allowed_account_ids = ["111111111113"]

  default_tags {
    tags = {
      system      = "core"
      environment = "review"
      review-app  = terraform.workspace
      managed-by  = "terraform"
    }
  }
}
