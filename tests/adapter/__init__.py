"""Tests of the adapter room."""
