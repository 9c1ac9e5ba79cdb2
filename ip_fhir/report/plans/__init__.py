"""Plans as people read them: the plan, a view of it, a preview of what each participant will see, history, access."""
