"""Commands of the plan that travels between parties."""
