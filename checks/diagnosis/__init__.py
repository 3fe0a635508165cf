"""Pure diagnosis: facts in, a Verdict out. Imports neither boto3 nor pytest nor the clock."""
