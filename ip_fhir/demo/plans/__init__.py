"""The second part of the demonstration: the plan that is made after the green form travels between five parties.

`story` says who they are and what happens, `run` lets it happen, `checks` judges the result, `section` puts it on the
summary page.
"""
