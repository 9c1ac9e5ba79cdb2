"""`python -m ip_fhir.cli` is `ip-fhir`."""

import sys

from ip_fhir.cli import main

if __name__ == "__main__":
    sys.exit(main())
