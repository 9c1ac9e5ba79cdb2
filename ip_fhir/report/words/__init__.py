"""Words for people, in Norwegian and English: for codes, plans and the steps of a loop."""
