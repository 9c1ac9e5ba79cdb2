"""Remarks on a plan, notice or green form that is sound and may still be wrong."""
