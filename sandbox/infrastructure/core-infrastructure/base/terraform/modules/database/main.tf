variable "prefix" { type = string }
variable "vpc" { type = string }
variable "subnets" { type = list(string) }
variable "clients" { type = string }

variable "password" {
  type      = string
  sensitive = true
}

resource "aws_db_subnet_group" "this" {
  name       = "${var.prefix}-records"
  subnet_ids = var.subnets
}

resource "aws_security_group" "this" {
  name        = "${var.prefix}-records"
  description = "What reaches the database"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_ingress_rule" "postgres" {
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = var.clients
  from_port                    = 5432
  to_port                      = 5432
  ip_protocol                  = "tcp"
}

resource "aws_db_instance" "this" {
  identifier                = "${var.prefix}-records"
  engine                    = "postgres"
  engine_version            = "15.7"
  instance_class            = "db.t3.micro"
  allocated_storage         = 20
  storage_encrypted         = true
  db_name                   = "records"
  username                  = "records"
  password                  = var.password
  db_subnet_group_name      = aws_db_subnet_group.this.name
  vpc_security_group_ids    = [aws_security_group.this.id]
  backup_retention_period   = 7
  delete_automated_backups  = false
  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.prefix}-records"
  apply_immediately         = true

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [engine_version, password]
  }
}
