"""Thousands of prompts, on one process (`plain_batch`) or on many (`ray_batch`), to the same files."""
