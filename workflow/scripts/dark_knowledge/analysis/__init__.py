"""The collected results, statistics, and one module a question."""
