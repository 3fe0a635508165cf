resource "aws_ecr_repository" "service" {
  for_each = local.services

  name                 = "${local.name}-${each.value.container}"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "service" {
  for_each = local.services

  repository = aws_ecr_repository.service[each.key].name
  policy     = file("${path.module}/policies/ecr-lifecycle.json")
}
