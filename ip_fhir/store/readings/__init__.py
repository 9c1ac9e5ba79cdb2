"""The log of reads: kept row by row, sealed into the chain of evidence in batches, and checked against it."""
