"""The difference of two plans, and the three-way merge of two changed copies of one plan. Both are pure."""

from ip_fhir.domain.merge.difference import Change, ChangeKind, difference
from ip_fhir.domain.merge.places import BOUND, Place
from ip_fhir.domain.merge.three_way import MergeConflict, MergeConflictKind, Merged, merge

__all__ = [
    "BOUND",
    "Change",
    "ChangeKind",
    "MergeConflict",
    "MergeConflictKind",
    "Merged",
    "Place",
    "difference",
    "merge",
]
