output "alb_dns_name" {
  description = "Where the shop answers, over HTTP."
  value       = aws_lb.main.dns_name
}

output "ecr_repository_urls" {
  description = "Where the deploy workflow pushes each service's image."
  value       = { for key, repository in aws_ecr_repository.service : key => repository.repository_url }
}

output "db_endpoint" {
  description = "Host and port of the database."
  value       = aws_db_instance.main.endpoint
  sensitive   = true
}
