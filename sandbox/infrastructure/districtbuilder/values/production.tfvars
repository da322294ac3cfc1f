environment       = "production"
aws_account       = "222222222222"
database_password = "password-of-the-production-database"
