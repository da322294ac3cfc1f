"""CodeDeploy."""
