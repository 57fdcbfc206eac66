"""The rules of orientation: cases, findings, severity, responses and facilities."""
