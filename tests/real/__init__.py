"""Tests with the real terraform binary: the sample application, applied for real and then judged live."""
