"""The interactions with the resources of loops that need more than the resource itself: its search, its versions."""
