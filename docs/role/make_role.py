"""``python docs/role/make_role.py POLICY.json > role.yaml``: the role as a CloudFormation template, policy included.

A template cannot read a file, and a parameter is too short for a policy, so it is written into it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# An inline policy of a role, without white space (IAM quotas).
LONGEST_POLICY = 10_240
TEMPLATE = """\
# Made by docs/role/make_role.py from the output of pytest --iam-policy. The role that GitHub Actions assumes, without a
# stored key; it can read what the checks read, and nothing else.
AWSTemplateFormatVersion: "2010-09-09"
Description: Read-only role of Runbook Checks for GitHub Actions
Parameters:
  Repository:
    Type: String
    Description: OWNER/NAME of the repository whose workflows may assume the role
    AllowedPattern: "[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"
  Subject:
    Type: String
    Default: ref:refs/heads/main
    Description: "Which of its runs: ref:refs/heads/BRANCH or environment:NAME"
    AllowedPattern: "(ref:refs/(heads|tags)/|environment:)[^*?]+"
  ProviderArn:
    Type: String
    Default: ""
    Description: The account's identity provider for GitHub, if it has one already; it can have only one
  PermissionsBoundary:
    Type: String
    Default: ""
    Description: ARN of a policy that caps the role, where the organisation wants one
Conditions:
  NeedsProvider: !Equals [!Ref ProviderArn, ""]
  HasBoundary: !Not [!Equals [!Ref PermissionsBoundary, ""]]
Resources:
  Provider:
    Type: AWS::IAM::OIDCProvider
    Condition: NeedsProvider
    Properties:
      Url: https://token.actions.githubusercontent.com
      ClientIdList: [sts.amazonaws.com]
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: runbook-checks
      Description: "Read-only: judges environments after deploys and at night"
      MaxSessionDuration: 3600
      PermissionsBoundary: !If [HasBoundary, !Ref PermissionsBoundary, !Ref AWS::NoValue]
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: sts:AssumeRoleWithWebIdentity
            Principal:
              Federated: !If [NeedsProvider, !GetAtt Provider.Arn, !Ref ProviderArn]
            Condition:
              StringEquals:
                token.actions.githubusercontent.com:aud: sts.amazonaws.com
                token.actions.githubusercontent.com:sub: !Sub "repo:${Repository}:${Subject}"
      Policies:
        - PolicyName: reads
          PolicyDocument:
@POLICY@
Outputs:
  RoleArn:
    Description: For aws-actions/configure-aws-credentials
    Value: !GetAtt Role.Arn
"""


def template(policy: dict[str, Any]) -> str:
    """The template with a policy document.

    Raises:
        ValueError: the policy is longer than a role takes.
    """
    length = len(json.dumps(policy, separators=(",", ":")))
    if length > LONGEST_POLICY:
        raise ValueError(f"{length} characters; a role takes {LONGEST_POLICY}: print the policy of fewer checks (-m)")
    # JSON is YAML.
    lines = json.dumps(policy, indent=2).splitlines()
    return TEMPLATE.replace("@POLICY@", "\n".join(" " * 12 + line for line in lines))


def main(arguments: list[str]) -> int:
    """Exit code: 0, or 2 where the policy cannot be used."""
    try:
        (given,) = arguments
        print(template(json.loads(Path(given).read_text(encoding="utf-8"))), end="")
    except (OSError, ValueError) as e:
        print(f"ERROR: {e}; usage: python docs/role/make_role.py POLICY.json", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
