environment       = "staging"
aws_account       = "222222222221"
database_password = "password-of-the-staging-database"
