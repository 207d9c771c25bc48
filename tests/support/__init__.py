"""Helpers of the tests: hand-written fakes and servers, no mock library."""
