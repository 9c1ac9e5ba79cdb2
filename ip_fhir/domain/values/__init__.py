"""Values that everything in the domain is made of: texts, periods, identifiers, closed lists, working days."""
