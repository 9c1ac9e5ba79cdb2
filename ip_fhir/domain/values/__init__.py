"""The basic types of the domain: texts, periods, identifiers, closed lists, working days."""
