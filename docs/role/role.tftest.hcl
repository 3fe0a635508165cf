# terraform test: what the role trusts, without an account.

mock_provider "aws" {}

variables {
  repository        = "acme/shop"
  oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
}

run "trusts_the_main_branch_of_one_repository" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.runbook_checks.assume_role_policy).Statement[0].Condition.StringEquals == {
      "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
      "token.actions.githubusercontent.com:sub" = ["repo:acme/shop:ref:refs/heads/main"]
    }
    error_message = "The trust is wider than one branch of one repository."
  }
  assert {
    condition     = aws_iam_role.runbook_checks.max_session_duration == 3600
    error_message = "A session lasts an hour."
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "The account's own provider is used."
  }
}

run "trusts_an_environment" {
  command = plan
  variables {
    subjects = ["environment:production"]
  }
  assert {
    condition     = strcontains(aws_iam_role.runbook_checks.assume_role_policy, "repo:acme/shop:environment:production")
    error_message = "The environment may not assume the role."
  }
}

run "refuses_every_repository" {
  command = plan
  variables {
    repository = "acme/*"
  }
  expect_failures = [var.repository]
}

run "refuses_pull_requests_and_wildcards" {
  command = plan
  variables {
    subjects = ["pull_request", "ref:refs/heads/*"]
  }
  expect_failures = [var.subjects]
}
