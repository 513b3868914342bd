"""Tests of the whole stack. A package to pytest, so that what they share ends with the last of them."""
