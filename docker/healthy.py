#!/opt/perfbot/bin/python -P
"""``healthy PORT``: ends with 0 when the process at that port of this container says that it is well.

``perfbot serve`` says so while it lives; ``perfbot worker --metrics`` while it goes through the inbox and
is in touch with its database. With another ending a container counts as unhealthy.
"""

import sys
from http.client import HTTPConnection, HTTPException


def main() -> int:
    """Ask once, for no longer than Docker waits."""
    connection = HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=4)
    try:
        connection.request("GET", "/healthz")
        return int(connection.getresponse().status != 200)
    except (OSError, HTTPException) as error:
        print(f"no answer at port {sys.argv[1]}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
